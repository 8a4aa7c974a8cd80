"""``python -m vivavoce.app.cli``: the commands without ``vivavoce eval``."""

from vivavoce.app.cli.main import main

main()
