"""What an ONNX file is, before a runtime loads it: what goes in and out, and that it holds nothing it should not.

A graph is a program. Ours need nothing but arithmetic on weights of their own, so whatever else the format allows is
refused: weights in other files (a path could lead anywhere), operators of other domains (some open files), graphs
within graphs (loops need not end), weights that are not numbers. Field numbers are those of onnx.proto.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from voxmesh.stream import protobuf
from voxmesh.stream.protobuf import fields, integers

FLOAT, INT64 = 1, 7
_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""A number's size, by type."""
_EXPONENTS = {1: ("<u4", 0x7F800000), 10: ("<u2", 0x7C00), 11: ("<u8", 0x7FF0000000000000), 16: ("<u2", 0x7F80)}
"""The bits that are all set in what is infinite or no number, by type."""
_MAX_RANK = 8


@dataclass
class Signature:
    """Inputs and outputs: name -> (type, shape); a dimension is None where it is free, such as the sessions'."""

    inputs: dict[str, tuple[int, tuple[int | None, ...]]] = field(default_factory=dict)
    outputs: dict[str, tuple[int, tuple[int | None, ...]]] = field(default_factory=dict)


def check_graph(data: bytes) -> Signature:
    """The signature of an ONNX file's graph. Raises ValueError saying why it is not one that we would run."""
    graphs = []
    for number, _, value in fields(memoryview(data)):
        if number == 7:
            graphs.append(_message(value))
        elif number in (20, 25):
            raise ValueError("it holds functions or training steps")
    if len(graphs) != 1:
        raise ValueError(f"it holds {len(graphs)} graphs")
    signature = Signature()
    weights = set()
    for number, _, value in fields(graphs[0]):
        if number == 1:
            _check_node(_message(value))
        elif number == 5:
            weights.add(_check_tensor(_message(value)))
        elif number == 11:
            signature.inputs.update([_value_info(_message(value))])
        elif number == 12:
            signature.outputs.update([_value_info(_message(value))])
        elif number == 15:
            raise ValueError("it holds sparse weights")
    for name in weights & signature.inputs.keys():
        # Formats before 4 list weights among the inputs.
        del signature.inputs[name]
    return signature


def _check_node(node: memoryview) -> None:
    for number, _, value in fields(node):
        if number == 7 and (domain := _text(value)) not in ("", "ai.onnx"):
            raise ValueError(f"it has an operator of the domain {domain!r}")
        if number == 5:
            for inner, _, content in fields(_message(value)):
                if inner in (5, 10):
                    _check_tensor(_message(content))
                elif inner in (6, 11):
                    raise ValueError("it has graphs within the graph")
                elif inner in (22, 23):
                    raise ValueError("it holds sparse weights")


def _check_tensor(tensor: memoryview) -> str:
    """Returns its name."""
    name, type_, shape, stored = "", 0, [], 0
    for number, kind, value in fields(tensor):
        if number == 1:
            shape += integers(kind, value)
        elif number == 2:
            type_ = _integer(value)
        elif number == 8:
            name = _text(value)
        elif number == 13 or (number == 14 and value != 0):
            raise ValueError("it has weights in another file")
    if type_ not in _BYTES or len(shape) > _MAX_RANK:
        raise ValueError(f"a tensor of type {type_} with {len(shape)} dimensions")
    for number, kind, value in fields(tensor):
        if number == 9:
            raw = _message(value)
            _check_finite(type_, raw)
            stored += len(raw) // _BYTES[type_]
        elif number in (4, 10):  # float_data, double_data
            if kind == protobuf.VARINT:
                raise ValueError("numbers of another kind than floating ones")
            one = 1 if number == 4 else 11
            _check_finite(one, _message(value))
            stored += len(value) // _BYTES[one]
        elif number in (5, 7, 11):  # int32_data, int64_data, uint64_data
            found = integers(kind, value)
            _, exponent = _EXPONENTS.get(type_, ("", None))
            if exponent is not None and any(x & exponent == exponent for x in found):
                raise ValueError(_NOT_FINITE)
            stored += len(found)
    if stored != math.prod(shape):
        raise ValueError(f"a tensor of shape {shape} holds {stored} numbers")
    return name


_NOT_FINITE = "it has weights that are infinite or no numbers"


def _check_finite(type_: int, raw: memoryview) -> None:
    if len(raw) % _BYTES[type_]:
        raise ValueError(f"{len(raw)} bytes of numbers of {_BYTES[type_]}")
    if type_ in _EXPONENTS:
        unsigned, exponent = _EXPONENTS[type_]
        bits = np.frombuffer(raw, unsigned)
        if (bits & bits.dtype.type(exponent)).max(initial=0) == exponent:
            raise ValueError(_NOT_FINITE)


def _value_info(info: memoryview) -> tuple[str, tuple[int, tuple[int | None, ...]]]:
    name, type_, shape = "", 0, []
    for number, _, value in fields(info):
        if number == 1:
            name = _text(value)
        if number != 2:
            continue
        for kind, _, tensor in fields(_message(value)):
            if kind != 1:
                raise ValueError(f"{name!r} is no tensor")
            for inner, _, content in fields(_message(tensor)):
                if inner == 1:
                    type_ = _integer(content)
                elif inner == 2:
                    shape = [_dimension(_message(dim)) for one, _, dim in fields(_message(content)) if one == 1]
    return name, (type_, tuple(shape))


def _dimension(dim: memoryview) -> int | None:
    return next((_integer(value) for number, _, value in fields(dim) if number == 1), None)


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where there should be more")
    return value


def _integer(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("no number where there should be one")
    return value


def _text(value: int | memoryview) -> str:
    return bytes(_message(value)).decode("utf-8", "strict")
