"""What a TorchScript file is, before torch loads it: arithmetic on tensors of its own and nothing else.

It is a zip of pickles, tensors and source text. torch reads the pickles with a reader of its own, which makes tensors
and TorchScript's types and calls nothing of Python's; but the source is a program in a language that can read and write
files, and it runs. So each call in it must be of the operators below, which only compute, and each class that a pickle
names must be one that our exporter writes.
"""

from __future__ import annotations

import ast
import pickletools
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO

from voxmesh.stream.npz import DAMAGED

MAX_BYTES = 1 << 30
"""Of a file's members, unpacked."""
MAX_SOURCE_BYTES = 4 << 20
_OPERATORS = """
    abs add addmm arange argmax baddbmm bmm cat ceil chunk clamp clamp_min clamp_max clone conv1d conv_transpose1d
    contiguous cos cumsum detach device div einsum elu embedding eq erf exp expand expand_as eye flatten flip floor
    floor_divide full full_like gather ge gelu gt index index_select layer_norm le leaky_relu linear log log_softmax lt
    masked_fill matmul max maximum mean min minimum mul narrow ne neg norm numel ones ones_like pad permute pow prod
    reciprocal relu repeat reshape roll round rsqrt rsub scaled_dot_product_attention select sigmoid silu sin size slice
    softmax softplus split split_with_sizes sqrt squeeze stack std sub sum swapaxes t tanh tensor to transpose tril triu
    type_as unbind unflatten unsqueeze var view view_as where zeros zeros_like NumToTensor
    __and__ __or__ bitwise_and bitwise_not constant_pad_nd dropout group_norm instance_norm batch_norm
"""
OPERATORS = frozenset(_OPERATORS.split())
_NAMES = frozenset({"annotate", "bool", "float", "getattr", "int", "unchecked_cast", "uninitialized"})
_FORWARD = re.compile(r"forward\d*")
_GLOBALS = re.compile(
    r"__torch__\..*|torch\._utils _rebuild_tensor_v2|torch \w+Storage|collections OrderedDict|torch\.jit\._pickle \w+"
)
_MEMBERS = re.compile(
    r"[\w-]+/((data|constants|traced_inputs)/\d+|(data|constants|traced_inputs)\.pkl|version|byteorder"
    r"|\.format_version|\.storage_alignment|\.data/serialization_id|code/__torch__(/\w+)*\.py(\.debug_pkl)?)"
)


def check_torchscript(data: bytes) -> None:
    """Raises ValueError saying why the file is not one that we would run."""
    try:
        pickles, trees = _read(data)
    except ValueError:
        raise
    except (*DAMAGED, MemoryError) as error:
        raise ValueError(f"it is no archive of TorchScript ({error})") from error
    for pickle in pickles:
        _check_pickle(pickle)
    for tree in trees:
        if wrong := next(_calls_of_others(tree), None):
            raise ValueError(f"its program calls {wrong}")


def _read(data: bytes) -> tuple[list[bytes], list[ast.AST]]:
    """The pickles and the program in it."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_BYTES:
            raise ValueError(f"it unpacks to more than {MAX_BYTES >> 20} MiB")
        strange = [member.filename for member in members if not _MEMBERS.fullmatch(member.filename)]
        if strange:
            raise ValueError(f"it holds {strange[0]!r}")
        sources = [member for member in members if member.filename.endswith(".py")]
        if sum(member.file_size for member in sources) > MAX_SOURCE_BYTES:
            raise ValueError("its source is too long")
        pickles = [archive.read(member) for member in members if member.filename.endswith("pkl")]
        return pickles, [ast.parse(archive.read(member).decode()) for member in sources]


def _check_pickle(data: bytes) -> None:
    for opcode, argument, _ in pickletools.genops(data):
        # GLOBAL names a class in one string; ways that take it from the stack are not what torch writes.
        if opcode.name in ("STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"):
            raise ValueError(f"a pickle in it uses {opcode.name}")
        if opcode.name == "GLOBAL" and not _GLOBALS.fullmatch(str(argument)):
            raise ValueError(f"a pickle in it names {argument}")


def _calls_of_others(tree: ast.AST) -> Iterator[str]:
    """What it calls beyond our operators and its modules' `forward`; also loops, which need not end."""
    for node in ast.walk(tree):
        if isinstance(node, ast.While | ast.For):
            yield "a loop"
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in _NAMES:
            continue
        # `torch.add(x, y)`, `x.add(y)` and `ops.aten.add(x, y)` are one operator: its name is what counts.
        if isinstance(called, ast.Attribute) and (called.attr in OPERATORS or _FORWARD.fullmatch(called.attr)):
            continue
        yield ast.unparse(called)
