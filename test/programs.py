"""The ``dynsyn`` program, run to its end in a process of its own."""

import subprocess
import sys

#: Longest wait for a program, s.
PATIENCE = 120.0


def dynsyn(*arguments, folder):
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, '-m', 'dynsyn_ros.cli.main', *map(str, arguments)], cwd=folder,
        capture_output=True, text=True, timeout=PATIENCE, check=False)


def refused(folder, *arguments):
    """Run the program with something wrong; returns its one sentence, and nothing else is left."""
    done = dynsyn(*arguments, folder=folder)
    assert done.returncode == 2, done.stderr
    assert 'Traceback' not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if 'error: ' in line]
    return sentence
