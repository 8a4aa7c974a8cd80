"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

ModelOption = Annotated[str | None, typer.Option("--model", help="embedded (default), step-audio-2, remote or scripted.")]
CheckpointOption = Annotated[
    Path | None, typer.Option("--checkpoint", help="Folder of a Step-Audio 2 checkpoint, see `vivavoce models pull`.")
]
BaseUrlOption = Annotated[
    str | None, typer.Option("--base-url", help="Address of a server that serves Step-Audio 2, such as http://host:8000/v1.")
]
MindOption = Annotated[
    str | None, typer.Option("--mind", help="A language model to think with, such as openai:MODEL; we hear and speak.")
]
MindUrlOption = Annotated[
    str | None, typer.Option("--mind-url", help="Address of a server that has it, such as http://localhost:11434/v1.")
]
MindHearsOption = Annotated[
    bool, typer.Option("--mind-hears", help="Give it the sound of what is spoken, in place of what our ears wrote down.")
]
