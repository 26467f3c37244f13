"""The `voxmesh` command: a table of subcommands, each loaded only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib import metadata

import click

from voxmesh.stream.errors import VoxmeshError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("voxmesh.stream.demo_command:demo", "Show a head speaking, whatever this machine has."),
    "live": ("voxmesh.stream.live_command:live", "Speak: microphone to face, published over ZeroMQ."),
    "serve": ("voxmesh.stream.serve_command:serve", "Many faces from one process: audio in over ZeroMQ, frames out."),
    "animate": (
        "voxmesh.stream.animate_command:animate",
        "Turn an audio file into an animation (.npz, .glb, .csv or .mp4).",
    ),
    "control": ("voxmesh.stream.control_command:control", "Ask a running stream for its numbers, or to change."),
    "keys": ("voxmesh.stream.keys_command:keys", "Make keys, for sockets that others can reach."),
    "style": ("voxmesh.stream.style_command:style", "Name the styles of a face, or make one of a clip."),
    "doctor": ("voxmesh.stream.doctor_command:doctor", "Say what this machine lacks, and what to do."),
    "record": ("voxmesh.stream.take_commands:record", "Go live, and keep the session in a file."),
    "replay": ("voxmesh.stream.take_commands:replay", "Make a kept session's frames again, and compare."),
    "devices": ("voxmesh.stream.devices_command:devices", "List the microphones."),
    "view": ("voxmesh.viewer.commands:view", "Watch a published face in a window."),
    "render": ("voxmesh.viewer.commands:render", "Draw an animation as a video."),
    "sheet": ("voxmesh.viewer.commands:sheet", "Draw frames of an animation side by side."),
    "avatar": ("voxmesh.stream.avatar_command:avatar", "Look at the default face and its poses."),
    "talker": ("voxmesh.model.talker.command:talker", "Make synthetic speech with motion, to train on."),
    "data": ("voxmesh.model.datasets.command:data", "Check and prepare captured faces, to train on."),
    "train": ("voxmesh.model.command:train", "Train a face."),
    "evaluate": ("voxmesh.export.evaluate_command:evaluate", "Measure a face on captured ones, as papers do."),
    "import": ("voxmesh.export.import_command:import_", "Turn published weights (MeshTalk's) into a bundle."),
    "export": ("voxmesh.export.command:export", "Export a trained face as a bundle."),
}
"""name -> (where the click command lives, its line in `voxmesh --help`)."""

EXTRAS = {
    "viewer": ("av", "open3d", "PIL", "websockets"),
    "gltf": ("pygltflib",),
    "train": ("onnx", "onnxscript", "safetensors", "scipy", "soxr", "tensorboard", "torch"),
}
"""Which optional dependency brings which modules."""


class LazyGroup(click.Group):
    """A group that knows its subcommands by name and line; `--help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def version() -> str:
    """The installed version, or 'unknown' when run from a checkout that is not installed."""
    try:
        return metadata.version("voxmesh")
    except metadata.PackageNotFoundError:
        return "unknown"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version())
def voxmesh() -> None:
    """Speak, and a 3D face speaks with you: causal, microphone to mesh, on one CPU core."""


def load_command(name: str) -> click.Command:
    """The subcommand `name` of the table. Raises VoxmeshError when what it needs is not installed."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        if error.name and (module.startswith(error.name) or error.name == attribute):
            raise VoxmeshError(f"`voxmesh {name}` is not part of this installation ({module})") from error
        raise


def run_command(name: str, arguments: Sequence[str]) -> None:
    """Run a subcommand of the table in this process, as another command does. Errors are raised, not printed."""
    load_command(name).main(list(arguments), prog_name=f"voxmesh {name}", standalone_mode=False)


def missing_extra(error: ImportError) -> str | None:
    """The optional dependency that brings the module `error` asks for, or None when none does."""
    module = (error.name or "").partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if module in modules), None)


def run(arguments: Sequence[str] | None = None) -> int:
    """The command line `arguments` (sys.argv by default); returns the exit code.

    0 success, 1 what was to be checked is not so, or nobody reads our output any more, 2 a mistake that the user can
    mend (one line on stderr), 130 interrupted. Anything else is a bug and raises.
    """
    try:
        code = voxmesh.main(arguments, prog_name="voxmesh", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except VoxmeshError as error:
        return _complain(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "voxmesh"
        return _complain(f"{error.format_message()} (see `{path} --help`)")
    except click.ClickException as error:
        return _complain(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone, as in `voxmesh --help | head -1`: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ImportError as error:
        extra = missing_extra(error)
        if extra is None:
            raise
        return _complain(f"this command needs {error.name}: pip install 'voxmesh[{extra}]'")


def _complain(message: str) -> int:
    print(f"voxmesh: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def main() -> None:
    """Entry point of the `voxmesh` script."""
    # NumPy's matrix library takes every core for products as small as a frame's, and then waits for the slowest: where
    # something else is running a fit of 0.2 ms takes 20. It reads this once, when NumPy is first imported: not yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(run())


if __name__ == "__main__":
    main()
