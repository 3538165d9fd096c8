"""The template engine: Jinja in a sandbox, strict about missing variables, with limits.

The only module that imports jinja2; import it inside functions, it takes longer than most commands take to run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, cast

from jinja2 import (
    BaseLoader,
    Environment,
    StrictUndefined,
    Template,
    TemplateRuntimeError,
    Undefined,
    meta,
    nodes,
    pass_context,
)
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.utils import object_type_repr as type_name
from jinja2.visitor import NodeTransformer

from promptvc.content.prompt_formats import limits
from promptvc.content.prompt_formats.chat import Marks
from promptvc.content.prompt_formats.fields import Field, If, Piece, Role

_BUDGET = "budget of this rendering"  # among the variables; no template can spell a name with spaces
_VALUES = "values"
_GLOBALS = ("range", "dict", "namespace")
_OWN_CALLABLES = (Macro, LoopContext, BlockReference, Undefined)
_WITH_METHODS = (str, list, tuple, Mapping, LoopContext)
_CALL_STEPS = 20  # a call takes about as long as twenty rounds of a loop


class Values(dict[str, object]):
    """The variables as one mapping: how pieces find names that Jinja could not spell."""


class MissingField(StrictUndefined):
    """What a missing name gives: using it in any way raises, and says which name it was."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return str(self._undefined_hint)
        if self._undefined_obj is missing or isinstance(self._undefined_obj, Values):
            return f"the variable {self._undefined_name!r} is missing"
        return f"there is no {self._undefined_name!r} in this {type_name(self._undefined_obj)}"


class _NoFiles(BaseLoader):
    """Says no to ``include``, ``import`` and ``extends``."""

    def get_source(self, environment: Environment, template: str) -> NoReturn:
        """Never finds anything."""
        raise TemplateRuntimeError(f"{template[:40]!r} cannot be included: a prompt is one file")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja as prompts need it: no files, no calls but on text and mappings, no HTML, the same result each time."""

    # Interception also keeps the compiler from computing 10**10**10 ahead of time.
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})
    concat = staticmethod(limits.bounded_join)

    def __init__(self) -> None:
        super().__init__(
            undefined=MissingField,
            finalize=_written,
            loader=_NoFiles(),
            extensions=["jinja2.ext.loopcontrols"],
        )
        self.globals = {name: self.globals[name] for name in _GLOBALS}
        self.filters = {name: _limited(name, self.filters[name]) for name in limits.FILTERS}
        self.filters |= {
            "tojson": _limited("tojson", _to_json),
            "counted": _counted,
            "joined": _joined,
            "made": _made,
        }

    def getattr(self, obj: Any, attribute: str) -> Any:
        """An item before a method: ``order.items`` is the field of that name where there is one."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if attribute == "length" and isinstance(obj, list | tuple | str):
            return len(obj)  # as in Handlebars
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item; of a mapping nothing else."""
        if isinstance(obj, Mapping):
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Data, and methods of text and containers that only look."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        if isinstance(obj, str):
            return attr in limits.STR_METHODS
        if isinstance(obj, Mapping):
            return attr in limits.MAPPING_METHODS
        if isinstance(obj, list | tuple):
            return attr in limits.SEQUENCE_METHODS
        return isinstance(obj, LoopContext) or not callable(value)

    def is_safe_callable(self, obj: Any) -> bool:
        """What templates define themselves, and methods that `is_safe_attribute` let through; no caller's function."""
        if isinstance(obj, _OWN_CALLABLES) or any(obj is known for known in self.globals.values()):
            return True
        method = getattr(obj, "__wrapped__", obj)  # str.format comes wrapped
        return isinstance(getattr(method, "__self__", None), _WITH_METHODS) and super().is_safe_callable(obj)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """``str.format``, inside the sandbox and with narrow fields only."""
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            limits.check_format(value.__self__)
        return wrapped

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call, counted and with its result measured."""
        budget = _budget(context)
        budget.spend(_CALL_STEPS)
        if isinstance(obj, LoopContext) and args and isinstance(args[0], list):
            budget.spend(len(args[0]))
        for value in args:
            budget.walk(value)
        subject = getattr(obj, "__self__", None)
        limits.check_call(getattr(obj, "__name__", ""), subject, args, kwargs)
        result = super().call(context, obj, *args, **kwargs)
        budget.made(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operation, after a look at how large it would be."""
        limits.check_operation(operator, left, right)
        if operator == "%":
            _budget(context).walk(right)
        result = super().call_binop(context, operator, left, right)
        _budget(context).made(result)
        return result


def _budget(context: Context) -> limits.Budget:
    budget: limits.Budget = context.parent[_BUDGET]
    return budget


@pass_context
def _written(context: Context, value: object) -> str:
    """What ``{{ value }}`` writes; never an address in memory, which differs each time."""
    if isinstance(value, Iterator) or (callable(value) and not isinstance(value, Undefined)):
        raise TypeError(f"a {type_name(value)} cannot be written out; a sequence can, with | list or | join")
    budget = _budget(context)
    budget.walk(value)
    text = str(value)
    budget.made(text)
    return text


@pass_context
def _counted(context: Context, items: Iterable[object]) -> Iterator[object]:
    budget = _budget(context)
    for item in items:
        budget.spend()
        yield item


@pass_context
def _joined(context: Context, values: list[object]) -> str:
    text = limits.bounded_join(_written(context, value) for value in values)
    _budget(context).made(text)
    return text


@pass_context
def _made(context: Context, value: Any) -> Any:
    _budget(context).made(value)
    return value


def _to_json(value: object, indent: int | None = None) -> str:
    """JSON as people read it: the template engine's own filter escapes it for HTML."""
    return json.dumps(value, ensure_ascii=False, indent=min(indent, 16) if indent else None)


def _limited(name: str, filter: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, counted, with its arguments checked before and its result measured after."""
    wanted = getattr(filter, "jinja_pass_arg", None)

    @pass_context
    def limited(context: Context, subject: Any, *args: Any, **kwargs: Any) -> Any:
        budget = _budget(context)
        for value in (subject, *args):
            budget.walk(value)
        limits.check_call(name, subject, args, kwargs)
        first = {"context": context, "eval_context": context.eval_ctx, "environment": context.environment}
        given = [first[wanted.name]] if wanted is not None else []
        result = filter(*given, subject, *args, **kwargs)
        if isinstance(result, str):
            result = str.__str__(result)  # text marked as HTML would escape what is joined to it
        budget.made(result)
        return result

    return limited


class _Counting(NodeTransformer):
    """Sends what Jinja does without asking the sandbox through filters: loops, ``~`` and slices."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = _filter(node.iter, "counted")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), "joined")

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, "made") if isinstance(node.arg, nodes.Slice) else node


def _filter(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def parse(source: str) -> nodes.Template:
    """The tree of a Jinja template; raises ``TemplateSyntaxError``, or RecursionError and the like."""
    return Sandbox().parse(source)


def used_variables(template: nodes.Template) -> tuple[str, ...]:
    """The names that a template uses but does not set itself, in order of first use."""
    environment = template.environment
    assert environment is not None  # the parser sets it
    # An unknown filter is for rendering to complain about.
    environment.filters = environment.tests = cast("dict[str, Any]", _AnyName())
    free = meta.find_undeclared_variables(template) - {*_GLOBALS, "self", "super"}
    names = dict.fromkeys(name.name for name in template.find_all(nodes.Name))
    return tuple(name for name in names if name in free)


class _AnyName(dict[str, Callable[..., Any]]):
    """A table in which every name is known."""

    def get(self, key: str, default: object = None) -> Any:
        """Something that the compiler takes for a filter or test and cannot run ahead of time."""
        return _made


Renderer = Callable[[Mapping[str, object]], str]


def compile_source(source: str) -> Renderer:
    """A Jinja template as a function of its variables."""
    sandbox = Sandbox()
    template = _compile(sandbox, sandbox.parse(source))
    return lambda values: _render(template, values)


def compile_pieces(pieces: Iterable[Piece], marks: Marks) -> Renderer:
    """Pieces as a function of their variables; roles are written as their marks."""
    sandbox = Sandbox()
    tree = nodes.Template([_statement(piece, marks) for piece in pieces], lineno=1)
    tree.set_environment(sandbox)
    template = _compile(sandbox, tree)
    return lambda values: _render(template, {_VALUES: Values(values)})


def _compile(sandbox: Sandbox, tree: nodes.Template) -> Template:
    counting = _Counting().visit(tree).set_lineno(1).set_environment(sandbox)
    return sandbox.from_string(counting)


def _render(template: Template, values: Mapping[str, object]) -> str:
    context = template.new_context({**values, _BUDGET: limits.Budget()})
    return limits.bounded_join(template.root_render_func(context))


def _statement(piece: Piece, marks: Marks) -> nodes.Stmt:
    if isinstance(piece, str):
        return nodes.Output([nodes.TemplateData(piece)])
    if isinstance(piece, Role):
        return nodes.Output([nodes.TemplateData(marks.role(piece.name))])
    if isinstance(piece, Field):
        return nodes.Output([_expression(piece)])
    if isinstance(piece, If):
        return nodes.If(_expression(piece.test), _body(piece.then, marks), [], _body(piece.otherwise, marks))
    target = nodes.Name(_scope(piece.scope), "store")
    body, otherwise = _body(piece.body, marks), _body(piece.otherwise, marks)
    return nodes.For(target, _expression(piece.items), body, otherwise, None, False)


def _body(pieces: Iterable[Piece], marks: Marks) -> list[nodes.Node]:
    return [_statement(piece, marks) for piece in pieces]


def _expression(field: Field) -> nodes.Expr:
    path = list(field.path)
    if field.scope:
        node: nodes.Expr = nodes.Name(_scope(field.scope), "load")
    else:
        node = nodes.Getitem(nodes.Name(_VALUES, "load"), nodes.Const(path.pop(0)), "load")
    for name in path:
        node = nodes.Getattr(node, name, "load")
    return node


def _scope(number: int) -> str:
    return f"item{number}"
