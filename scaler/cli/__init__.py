"""The commands of `python -m scaler`, one file each, and the one place where an error of theirs reaches a person.

A command is a function: its signature is the command line, its docstring the help text. Commands import what they need
when they run, so that each starts at once. Others call `scaler.cli.app.run(["predict", ...])`.
"""
