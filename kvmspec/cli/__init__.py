"""The command line: wiring, exit codes, prompts and progress. Nothing else prints."""

from kvmspec.cli.main import main

__all__ = ["main"]
