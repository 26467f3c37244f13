"""espeak-ng through ctypes: text to speech with the time of every phone (a formant synthesiser, 131 languages)."""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from voxmesh.stream.errors import VoxmeshError

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS
_PHONEME_EVENTS_AS_IPA = 3  # espeakINITIALIZE_PHONEME_EVENTS | espeakINITIALIZE_PHONEME_IPA
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_EVENT_LIST_TERMINATED, _EVENT_PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_APT = "apt-get install -y libespeak-ng1 espeak-ng-data"


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Utterance:
    """Speech and its phones: samples (N,) float32 in -1..1 at `rate` hertz; phones (name, start_s, end_s), pause ""."""

    samples: np.ndarray
    rate: int
    phones: list[tuple[str, float, float]]


@dataclass
class _Take:
    blocks: list[np.ndarray] = field(default_factory=list)
    marks: list[tuple[str, int]] = field(default_factory=list)


class _Library:
    """One loaded espeak-ng; the library itself allows one per process and is not thread-safe."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
        try:
            self.lib = ctypes.CDLL(name)
        except OSError as error:
            raise VoxmeshError(f"espeak-ng cannot be loaded ({error}); install it: {_APT}") from None
        self.lib.espeak_Synth.argtypes = (
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
            *(ctypes.c_uint, ctypes.c_uint, ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p),
        )
        self.rate = self.lib.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS_AS_IPA | _DONT_EXIT)
        if self.rate <= 0:
            raise VoxmeshError(f"espeak-ng found no voice data (code {self.rate}); install it: {_APT}")
        self.take = _Take()
        self._callback = _Callback(self._receive)  # kept: the library holds only the address
        self.lib.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self.take.blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                self.take.marks.append((event.id.decode("utf-8", "ignore"), event.sample))
            index += 1
        return 0

    def say(self, text: str) -> Utterance:
        self.take = take = _Take()
        data = text.encode() + b"\0"
        self.lib.espeak_Synth(data, len(data), 0, 0, 0, _CHARS_UTF8, None, None)
        samples = np.concatenate(take.blocks) if take.blocks else np.zeros(0, np.int16)
        times = [sample / self.rate for _, sample in take.marks] + [len(samples) / self.rate]
        phones = [(name, times[i], times[i + 1]) for i, (name, _) in enumerate(take.marks)]
        return Utterance(samples.astype(np.float32) / 32768.0, self.rate, phones)


@lru_cache(maxsize=1)
def _library() -> _Library:
    return _Library()


def _in_child(work: Callable[[], list[Utterance]]) -> list[Utterance]:
    """Run `work` in a forked child: espeak-ng keeps hidden state from one utterance to the next (its output length
    drifts by a few samples), so the same words give the same bytes only from the freshly loaded state."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read_end)
            try:
                said = work()
                head: object = [[len(one.samples), one.rate, one.phones] for one in said]
                body = b"".join(one.samples.astype("<f4").tobytes() for one in said)
            except VoxmeshError as error:
                head, body = str(error), b""
            with os.fdopen(write_end, "wb") as pipe:
                pipe.write(json.dumps(head).encode() + b"\n" + body)
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        line, body = pipe.readline(), pipe.read()
    os.waitpid(child, 0)
    reply = json.loads(line) if line else "espeak-ng crashed while speaking; try another voice"
    if isinstance(reply, str):
        raise VoxmeshError(reply)
    samples, utterances, start = np.frombuffer(body, "<f4"), [], 0
    for count, rate, phones in reply:
        utterances.append(Utterance(samples[start : start + count], rate, [(str(n), a, b) for n, a, b in phones]))
        start += count
    return utterances


def speak(
    texts: Sequence[str], voice: str, *, words_per_minute: int = 175, pitch: int = 50, pitch_range: int = 50
) -> list[Utterance]:
    """Say each of `texts` with an espeak-ng voice such as "en-us+f3" and tell when each phone sounds.

    `pitch` and `pitch_range` are 0..100. The same arguments give the same bytes. Raises VoxmeshError when espeak-ng
    or the voice is missing.
    """
    library = _library()
    settings = ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range))

    def work() -> list[Utterance]:
        if library.lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise VoxmeshError(f"espeak-ng has no voice {voice!r}; choose another, or install: {_APT}")
        for parameter, value in settings:
            library.lib.espeak_SetParameter(parameter, int(value), 0)
        return [library.say(text) for text in texts]

    return _in_child(work)
