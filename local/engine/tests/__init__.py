"""Tests of the patches. Run them in local/engine: `python -m unittest discover --top-level-directory . tests`."""
