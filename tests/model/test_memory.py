"""Memory that is available, within the limits of a container; a processor's count of free pages is not it."""

import pytest

from vivavoce.model.memory import available_bytes

pytestmark = pytest.mark.unit
GIB = 1 << 30
MEMINFO = "MemTotal: 25165824 kB\nMemFree: 100 kB\nMemAvailable: 20971520 kB\n"


@pytest.fixture
def system(tmp_path):
    """Writes the files of a system: names with their text."""

    def written(files):
        for name, text in (
            {"proc/meminfo": "MemTotal: 25165824 kB\nMemFree: 100 kB\nMemAvailable: 20971520 kB\n"} | files
        ).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return available_bytes(tmp_path / "proc", tmp_path / "groups")

    return written


def group(folder, limit, used, cached):
    return {
        f"groups/{folder}/memory.max": limit,
        f"groups/{folder}/memory.current": str(used),
        f"groups/{folder}/memory.stat": f"anon 5\ninactive_file {cached}\nactive_file 0\n",
    }


def test_pages_of_files_that_were_read_are_available(system):
    assert system({}) == 20 * GIB


def test_a_container_has_what_its_groups_leave_it(system):
    own = {"proc/self/cgroup": "0::/slice/own\n"}
    assert system(own | group("slice/own", "max", GIB, 0)) == 20 * GIB
    assert system(own | group("slice/own", str(4 * GIB), 3 * GIB, 2 * GIB)) == 3 * GIB
    assert system(own | group("slice", str(2 * GIB), GIB, 0)) == GIB, "the group around it leaves less"


def test_the_first_version_of_groups_is_read_too(system):
    files = {
        "memory.limit_in_bytes": str(2 * GIB),
        "memory.usage_in_bytes": str(GIB),
        "memory.stat": "total_inactive_file 7\n",
    }
    own = {"proc/self/cgroup": "5:cpu,memory:/box\n1:name=systemd:/\n"}
    assert system(own | {f"groups/memory/box/{name}": text for name, text in files.items()}) == GIB + 7


def test_nobody_can_tell_on_a_system_without_such_files(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: (_ for _ in ()).throw(ValueError))
    assert available_bytes(tmp_path, tmp_path) is None
