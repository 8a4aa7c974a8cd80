"""``vivavoce models``: weights and clips."""

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from vivavoce.app.cli.options import ModelOption
from vivavoce.app.console import JsonFlag, downloading, out, print_json, print_table, working

app = typer.Typer(help="Weights: where they are, fetch them, check them.", no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help="Asset names; none means the ones the settings need.")]


@app.command("list")
def list_(json_: JsonFlag = False) -> None:
    """All assets with size, licence and state."""
    from vivavoce.app.assets import asset_rows
    from vivavoce.core.settings import load_settings

    rows = asset_rows(load_settings())
    if json_:
        print_json(rows)
    else:
        columns = ("name", "kind", "state", "megabytes", "licence")
        print_table(columns, [[str(row[column]) for column in columns] for row in rows])


@app.command()
def pull(names: Names = None, json_: JsonFlag = False) -> None:
    """Fetch assets; a pull that was cut off goes on where it stopped."""
    from vivavoce.app.assets import needed_assets, store_of
    from vivavoce.core.settings import load_settings

    os.environ.pop("HF_HUB_OFFLINE", None)  # it was set for other libraries; whether this may ask is VIVAVOCE_HUB
    settings = load_settings()
    paths: dict[str, str] = {}
    for name in names or needed_assets(settings):
        with downloading(name) as bar:
            task = bar.task_ids[0]
            store = store_of(name, settings)
            path = store.pull(name, lambda done, total, bar=bar, task=task: bar.update(task, completed=done, total=total))
            size = store.status(name).size
            bar.update(task, completed=size, total=size)
        paths[name] = str(path)
    if json_:
        print_json(paths)
    else:
        for name, path in paths.items():
            out.print(f"{name}: {path}", highlight=False)


@app.command()
def prepare(model: ModelOption = None, json_: JsonFlag = False) -> None:
    """Learn and measure now what the first start would; what was done before is not done again."""
    from vivavoce.app.wiring import open_agent
    from vivavoce.core.settings import load_settings

    async def open_once() -> None:
        async with open_agent(settings):
            pass

    settings = load_settings(**({"model": model} if model else {}))
    started = time.perf_counter()
    with working("preparing", keep=True):
        asyncio.run(open_once())
    seconds = round(time.perf_counter() - started, 1)
    if json_:
        print_json({"model": settings.model, "seconds": seconds})
    else:
        out.print(f"ready after {seconds} s", highlight=False)


@app.command()
def convert(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a Step-Audio 2 checkpoint, or its token2wav folder.")],
    json_: JsonFlag = False,
) -> None:
    """Write Token2Wav's weights as safetensors beside the official files; they are loaded from then on."""
    from vivavoce.model.token2wav.checkpoint import convert as convert_folder

    folder = checkpoint / "token2wav" if (checkpoint / "token2wav").is_dir() else checkpoint
    with working("converting"):
        written = [str(path) for path in convert_folder(folder)]
    if json_:
        print_json(written)
    else:
        for path in written:
            out.print(path, highlight=False, markup=False)


@app.command()
def verify(names: Names = None, json_: JsonFlag = False) -> None:
    """Hash assets again."""
    from vivavoce.app.assets import needed_assets, store_of
    from vivavoce.core.settings import load_settings

    settings = load_settings()
    wanted = names or needed_assets(settings)
    for name in wanted:
        with working(f"hashing {name}"):
            store_of(name, settings).verify(name)
    if json_:
        print_json({name: "ok" for name in wanted})
    else:
        out.print(f"{', '.join(wanted)}: ok", highlight=False)
