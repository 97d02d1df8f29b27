"""``python -m audioset_dl`` is ``audioset-dl``."""

from audioset_dl.cli import main

main()
