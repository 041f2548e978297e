"""What of a module can affect a result, as text: its syntax tree without comments, docstrings and messages.

Left out are the arguments of

- `raise` statements and of the constructors of errors; of a `Fault` only reason and remedy, since code tells faults
  apart by their kind;
- `print`, `warn`, `progress` and the methods of a logger, and the message of an `assert`;

and texts that a function puts together for these alone. So an error can be reworded, or a progress line added,
without a model being trained again. Hence a rule for all code: a message reports, it computes nothing.
"""

from __future__ import annotations

import ast

NEUTRAL = True  # it decides about files, not about what is in them

REPORTS = ("print", "warn", "progress")
LOGGERS = ("log", "logger", "logging")
LOG_METHODS = ("debug", "info", "warning", "error", "exception", "critical", "log")
FAULT = "Fault"
FAULT_WORDING = ("reason", "remedy")
FAULT_WORDING_POSITIONS = slice(2, 4)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def canonical(source: str) -> str:
    """Text that is the same for two sources under every supported Python if only their wording and form differ."""
    tree = _Reduced().visit(ast.parse(source))
    return _text(tree)


class _Reduced(ast.NodeTransformer):
    """A syntax tree without docstrings and messages; changes the tree that it visits."""

    def __init__(self) -> None:
        self.said: set[str] = set()  # names that messages of the present function read

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc = self._with_faults_alone(node.exc)
        node.cause = None
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        if node.msg is not None:
            self._drop(node.msg)
            node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = _name(node.func)
        if name.endswith("Error"):
            return self._with_faults_alone(node)
        if name in REPORTS or _is_log_call(node.func):
            self._drop(*node.args, *node.keywords)
            node.args, node.keywords = [], []
            return node
        if name == FAULT:
            self._drop(*node.args[FAULT_WORDING_POSITIONS])
            del node.args[FAULT_WORDING_POSITIONS]
            self._drop(*(item for item in node.keywords if item.arg in FAULT_WORDING))
            node.keywords = [item for item in node.keywords if item.arg not in FAULT_WORDING]
        return self.generic_visit(node)

    def _with_faults_alone(self, node: ast.Call) -> ast.Call:
        """An error whose only arguments are the faults among the old ones."""
        self._drop(*node.args, *node.keywords)
        inside = [part for item in (*node.args, *node.keywords) for part in ast.walk(item)]
        faults = [part for part in inside if isinstance(part, ast.Call) and _name(part.func) == FAULT]
        node.args, node.keywords = [self.visit(fault) for fault in faults], []
        return node

    def _drop(self, *nodes: ast.AST) -> None:
        for node in nodes:
            self.said |= _reads(node)

    def _without_docstring(self, node: ast.Module | ast.ClassDef | Function) -> ast.AST:
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            del node.body[0]
        return self.generic_visit(node)

    def _function(self, node: Function) -> ast.AST:
        outside, self.said = self.said, set()
        self._without_docstring(node)
        while self.said and (names := self.said - _reads(node)):  # read by messages alone
            blank = _Blank(names)
            blank.visit(node)
            self.said |= blank.said
            if not blank.changed:
                break
        self.said |= outside
        return node


class _Blank(ast.NodeTransformer):
    """Blanks the texts that are assigned to names which only messages read."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.said: set[str] = set()
        self.changed = False

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and node.targets[0].id in self.names:
            before = _text(node.value)
            self.said |= _reads(node.value)
            node.value = _Texts().visit(node.value)
            self.changed = self.changed or _text(node.value) != before
        return node


class _Texts(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")


def _reads(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def _name(function: ast.expr) -> str:
    """The last part of a dotted name; "" for what is no name."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_log_call(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in LOG_METHODS
        and isinstance(function.value, ast.Name)
        and function.value.id.strip("_").lower() in LOGGERS
    )


def _text(node: object) -> str:
    """A syntax tree as text; empty fields and positions are left out."""
    if isinstance(node, ast.AST):
        fields = ((name, getattr(node, name, None)) for name in node._fields)
        inner = ",".join(f"{name}={_text(value)}" for name, value in fields if value not in (None, []))
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return "[" + ",".join(_text(item) for item in node) + "]"
    return repr(node)
