"""The frame of the labs, with a lab whose answers are known."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from vivavoce.core.errors import ConfigError, ModelError
from vivavoce.core.settings import Settings
from vivavoce.eval.cli import LABS, options_of
from vivavoce.eval.lab.compare import compare, compare_runs
from vivavoce.eval.lab.driver import evenly, run_lab
from vivavoce.eval.lab.judge import JudgeSettings
from vivavoce.eval.lab.lab import Item, Options, Result, scores_of
from vivavoce.eval.lab.one_open import agents_by_seed
from vivavoce.eval.lab.page import Page, as_html, table
from vivavoce.eval.lab.run_folder import read_results
from vivavoce.eval.lab.statistics import mean

pytestmark = pytest.mark.unit


class Killed(BaseException):
    """Ends a process in the middle."""


class Odd:
    """Finds odd numbers right. stop_after: items after which the process ends; refuses: numbers at which the agent fails."""

    name, sets, parallel = "odd", ("numbers",), True

    def __init__(self, *, stop_after=None, refuses=(), right=lambda n: n % 2):
        self.stop_after, self.refuses, self.right, self.asked = stop_after, refuses, right, []

    def items(self, options):
        numbers = evenly(range(20), options.limit)
        return [Item(f"n{n}", f"c{n // 4}", {"n": n}, {"right": 0.0}) for n in numbers]

    @asynccontextmanager
    async def open(self, options, folder):
        async def measure(item):
            n = item.facts["n"]
            if len(self.asked) == self.stop_after:
                raise Killed
            self.asked.append(n)
            if n in self.refuses:
                raise ModelError("it broke; try again")
            return Result(item.id, item.cluster, item.facts, {"right": float(self.right(n))}, "asked")

        yield measure

    def page(self, results, facts):
        values, clusters = scores_of(results, "right")
        return Page("Odd", {"right": mean(values, clusters)}, "Some *text*.\n\n", {})


@pytest.fixture
def options(tmp_path):
    return Options(Settings(home=tmp_path / "home", model="scripted"), ("numbers",))


def run(lab, options, folder, **more):
    return asyncio.run(run_lab(lab, options, folder, **more))


def test_a_run_leaves_results_a_summary_and_pages(options, tmp_path):
    seen = []
    finished = run(Odd(), options, tmp_path / "run", progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 20)
    assert seen[-1] == (20, 20)
    assert finished.page.summary["right"].value == 0.5
    folder = tmp_path / "run"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["estimates"]["right"]["value"] == 0.5
    assert summary["facts"]["model"] == "scripted"
    assert [result.id for result in read_results(folder)] == [f"n{n}" for n in range(20)]
    assert "<em>text</em>" in (folder / "report.html").read_text()
    assert (folder / "report.md").read_text().startswith("# Odd\n")


@pytest.mark.parametrize("torn", [b"", b'{"id": "n7", "clus'])
def test_a_run_that_was_killed_goes_on_and_ends_the_same(options, tmp_path, torn):
    whole = run(Odd(), options, tmp_path / "whole")
    with pytest.raises(BaseExceptionGroup):
        run(Odd(stop_after=7), options, tmp_path / "cut")
    with (tmp_path / "cut" / "results.jsonl").open("ab") as file:
        file.write(torn)
    again = Odd()
    finished = run(again, options, tmp_path / "cut", resume=True)
    assert again.asked == list(range(7, 20)), "what was done is not asked again"
    assert finished.results == whole.results
    one, other = ((tmp_path / name / "summary.json").read_bytes() for name in ("whole", "cut"))
    assert one == other


def test_an_item_at_which_the_agent_fails_counts_as_wrong_and_is_asked_again(options, tmp_path):
    finished = run(Odd(refuses={1, 3}), options, tmp_path / "run")
    assert finished.page.summary["right"].value == 8 / 20
    assert [result.error for result in finished.results if result.verdict == "failed"] == ["it broke; try again"] * 2
    again = Odd()
    assert run(again, options, tmp_path / "run", resume=True).page.summary["right"].value == 0.5
    assert again.asked == [1, 3]


def test_runs_are_not_mixed(options, tmp_path):
    run(Odd(), options, tmp_path / "run")
    with pytest.raises(ConfigError, match="holds a run already; go on with --resume"):
        run(Odd(), options, tmp_path / "run")
    other = Options(options.settings, options.sets, limit=5)
    with pytest.raises(ConfigError, match="was begun with limit = None, now it is 5"):
        run(Odd(), other, tmp_path / "run", resume=True)
    with pytest.raises(ConfigError, match="holds no run"):
        run(Odd(), options, tmp_path / "nothing", resume=True)


def test_a_damaged_line_is_named(options, tmp_path):
    run(Odd(), options, tmp_path / "run")
    path = tmp_path / "run" / "results.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:3], b"{not json", *lines[3:]]))
    with pytest.raises(ConfigError, match=r"results.jsonl, line 4: no result .*; remove the line"):
        run(Odd(), options, tmp_path / "run", resume=True)


def test_two_runs_are_compared_item_by_item(options, tmp_path):
    run(Odd(), options, tmp_path / "odd")
    run(Odd(right=lambda n: n % 2 or n < 10), options, tmp_path / "better")
    (found,) = compare_runs(tmp_path / "odd", tmp_path / "better")
    assert found.metric == "right"
    assert found.difference.value == pytest.approx(5 / 20)
    assert found.p == pytest.approx(2 / 2**3), "of three clusters that differ"
    assert 0 < found.detectable < 1
    with pytest.raises(ConfigError, match="holds no run"):
        compare_runs(tmp_path / "odd", tmp_path)


def test_evenly_takes_from_all_over():
    assert list(evenly(range(10), 3)) == [0, 3, 6]
    assert list(evenly(range(3), 5)) == [0, 1, 2]


def test_what_models_wrote_is_shown_and_not_obeyed():
    text = table(("said",), [("<script>alert(1)</script> a | b\nnext",)])
    assert text.count("\n") == 4
    page = as_html("a <b> title", text)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a | b next" in page


async def test_each_seed_asks_an_agent_of_its_own(tmp_path):
    seeds = []

    @asynccontextmanager
    async def open_agent(settings):
        seeds.append(settings.seed)
        yield settings.seed

    async with agents_by_seed(Settings(home=tmp_path), (0, 1), open_agent) as agents:
        for seed in (0, 0, 1, 1, 0):
            async with agents.using(seed) as agent:
                assert agent == seed
    assert seeds == [0, 1, 0]


@pytest.mark.parametrize(
    ("model", "temperature", "asked", "seeds"),
    [
        ("embedded", "0.7", [], (0,)),
        ("step-audio-2", "0.7", [], (0, 1, 2)),
        ("step-audio-2", "0", [], (0,)),
        ("remote", "0.7", [], (0, 1, 2)),
        ("remote", "0.7", [5], (5,)),
    ],
)
def test_a_model_that_samples_is_asked_three_times(monkeypatch, model, temperature, asked, seeds):
    monkeypatch.setenv("VIVAVOCE_TEMPERATURE", temperature)
    assert options_of("toolcall", model, None, None, asked).seeds == seeds


@pytest.mark.parametrize("name", LABS)
def test_every_command_has_its_lab_and_the_lab_its_sets(name):
    options = options_of(name, "scripted", None, 3, None)
    assert options.sets
    assert options.limit == 3


def test_a_store_is_asked_once_whatever_model_is_set(monkeypatch):
    monkeypatch.setenv("VIVAVOCE_MODEL", "remote")
    assert options_of("voices", None, None, None, None).seeds == (0,)
    assert options_of("toolcall", None, None, None, None).seeds == (0, 1, 2)


def test_a_run_says_who_judged_and_never_the_key(monkeypatch, options, tmp_path):
    for name, value in (("URL", "http://judge.invalid/v1"), ("MODEL", "judge-7b"), ("KEY", "the-secret-key")):
        monkeypatch.setenv(f"VIVAVOCE_JUDGE_{name}", value)
    judged = replace(options, judge=options_of("toolcall", None, None, None, None).judge)
    assert judged.judge == JudgeSettings(url="http://judge.invalid/v1", model="judge-7b", key="the-secret-key")
    run(Odd(), judged, tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (facts["judge_url"], facts["judge_model"]) == ("http://judge.invalid/v1", "judge-7b")
    for path in (tmp_path / "run").iterdir():
        assert b"the-secret-key" not in path.read_bytes(), path
    other = replace(options, judge=JudgeSettings(url="http://judge.invalid/v1", model="judge-70b"))
    with pytest.raises(ConfigError, match="was begun with judge_model = 'judge-7b', now it is 'judge-70b'"):
        run(Odd(), other, tmp_path / "run", resume=True)


def result(name, value, seed=None, **facts):
    marked = name if seed is None else f"{name}-seed{seed}"
    return Result(marked, name, {"seed": 0 if seed is None else seed, **facts}, {"right": value}, "")


def test_runs_with_one_seed_and_with_three_are_compared_by_item():
    once = [result("a", 0.0), result("b", 1.0)]
    thrice = [result(name, value, seed) for seed in (0, 1, 2) for name, value in (("a", 1.0), ("b", float(seed > 0)))]
    (found,) = compare(once, thrice)
    assert found.difference.count == 2
    assert found.difference.value == pytest.approx((1.0 - 1 / 3) / 2)
    assert found.p is None, "a mean of repetitions is no yes or no"


def test_arms_are_compared_apart():
    before = [result(f"{arm}/{n}", float(arm == "wrong"), arm=arm) for arm in ("rag", "wrong") for n in range(8)]
    after = [result(f"{arm}/{n}", float(arm == "rag"), arm=arm) for arm in ("rag", "wrong") for n in range(8)]
    found = {one.metric: one.difference.value for one in compare(before, after)}
    assert found == {"rag: right": 1.0, "wrong: right": -1.0}


async def test_items_of_one_name_and_no_items_are_refused(options, tmp_path):
    class Twice(Odd):
        def items(self, options):
            return [*super().items(options), *super().items(options)]

    class Empty(Odd):
        def items(self, options):
            return []

    for lab, why in ((Twice(), "two items are called"), (Empty(), "nothing to ask")):
        with pytest.raises(ConfigError, match=why):
            await run_lab(lab, options, tmp_path / "run")


async def test_a_lab_that_must_not_asks_one_at_a_time(options, tmp_path):
    class Alone(Odd):
        parallel = False
        asking = most = 0

        @asynccontextmanager
        async def open(self, options, folder):
            async with super().open(options, folder) as measure:

                async def counted(item):
                    self.asking += 1
                    self.most = max(self.most, self.asking)
                    await asyncio.sleep(0)
                    self.asking -= 1
                    return await measure(item)

                yield counted

    lab = Alone()
    remote = replace(options, settings=options.settings.changed(model="remote"))
    await run_lab(lab, remote, tmp_path / "run")
    assert lab.most == 1
