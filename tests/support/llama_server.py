"""The embedded weights behind a server of chat completions with tools, as other people run theirs: a process of its own."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def running_llama(weights: Path) -> Iterator[str]:
    """Start it on a free loopback port; the address of its chat completions."""
    with subprocess.Popen(
        [sys.executable, __file__, str(weights)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield f"{process.stdout.readline().decode().strip()}/v1"
        finally:
            process.terminate()


def main() -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_ctx = 8192
    params.n_parallel = 1
    params.n_predict = 96  # small models may go on for ever
    params.port = 0
    params.verbosity = 0
    params.use_jinja = True
    params.warmup = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()  # until whoever started it ends


if __name__ == "__main__":
    main()
