"""festival through its command: text to speech with the time of every phone (diphone and HMM voices of real people)."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from voxmesh.stream.errors import VoxmeshError


class SynthesiserCrash(VoxmeshError):
    """festival died on these words in this style; others it can say."""


@dataclass(frozen=True)
class Speaker:
    """A festival voice: the apt package it comes in, the language code of its texts and their encoding."""

    package: str
    language: str
    encoding: str = "ascii"


# Measured at p, t, k between vowels of 5-12 sentences a voice, medians at the usual rate: the level falls by 10 dB
# -6 to +15 ms after the label's start and rises again -10 to +8 ms from its end; flite's slt: +14 and +3. Stretched by
# 1.3, kal falls after 18 ms and mv after 21 ms, the others as before. No voice is shifted; suo_fi_lj_diphone (falls
# after 21 ms, stretched 29 ms) is left out. Labels of diphone voices end 26 ms past the audio, in the last pause.
SPEAKERS: dict[str, Speaker] = {
    "kal_diphone": Speaker("festvox-kallpc16k", "en"),
    "ked_diphone": Speaker("festvox-kdlpc16k", "en"),
    "cmu_us_slt_arctic_hts": Speaker("festvox-us-slt-hts", "en"),
    "lp_diphone": Speaker("festvox-italp16k", "it", "iso8859-1"),
    "pc_diphone": Speaker("festvox-itapc16k", "it", "iso8859-1"),
    "hy_fi_mv_diphone": Speaker("festvox-suopuhe-mv", "fi", "iso8859-1"),
    "upc_ca_ona_hts": Speaker("festvox-ca-ona-hts", "ca", "iso8859-15"),
    "czech_ph": Speaker("festvox-czech-ph", "cs", "iso8859-2"),
}
_APT = "apt-get install -y --no-install-recommends festival"

# The pitch hook scales every target of the contour just before the wave is made, so it serves every diphone voice
# whatever predicts its intonation; HMM voices predict pitch inside and listen only to "-r", their rate. Its last line
# holds the pitch to the end: festival fills an open end at 100 Hz and overruns its memory if all before was lower.
_SETUP = """
(voice_{voice})
(Parameter.set 'Duration_Stretch {stretch:.3f})
(if (boundp 'hts_engine_params) (set! hts_engine_params (append hts_engine_params '(("-r" {rate:.3f})))))
(define (scale_pitch utt)
  (let ((targets (utt.relation.leafs utt 'Target)) (end (utt.relation.last utt 'Segment)))
    (mapcar
      (lambda (target) (item.set_feat target "f0" (* {pitch:.3f} (item.feat target "f0"))))
      targets)
    (if (and targets (not (item.relation end 'Target)))
      (item.append_daughter
        (utt.relation.append utt 'Target end)
        (list "0" (list (list "f0" (item.feat (car (last targets)) "f0")) (list "pos" (item.feat end "end")))))))
  utt)
(set! after_analysis_hooks (list scale_pitch))
(define (say text name)
  (set! said (utt.synth (eval (list 'Utterance 'Text text))))
  (utt.save.wave said (string-append name ".wav") 'riff)
  (utt.save.segs said (string-append name ".phones")))
"""


def speak(
    texts: Sequence[str], voice: str, *, duration_stretch: float = 1.0, pitch: float = 1.0
) -> list[tuple[np.ndarray, int, list[tuple[str, float, float]]]]:
    """Say each of `texts` with a voice of SPEAKERS, all in one process, and tell when each phone sounds.

    `pitch` scales the fundamental frequency of diphone voices. Each take is samples (N,) float32 in -1..1, their rate
    in hertz, and phones (name, start_s, end_s) in the voice's own names. The same arguments give the same bytes.
    Raises VoxmeshError when festival or the voice is missing.
    """
    if voice not in SPEAKERS:
        raise VoxmeshError(f"unknown festival voice {voice!r}; choose one of {', '.join(SPEAKERS)}")
    speaker = SPEAKERS[voice]
    script = _SETUP.format(voice=voice, stretch=duration_stretch, rate=1.0 / duration_stretch, pitch=pitch)
    with tempfile.TemporaryDirectory(prefix="voxmesh-festival-") as folder:
        for index, text in enumerate(texts):
            plain = text.replace("’", "'").replace("\\", " ").replace('"', " ")
            script += f'(say "{plain}" "{folder}/{index}")\n'
        path = Path(folder) / "script.scm"
        path.write_bytes(script.encode(speaker.encoding, "replace"))
        try:
            # A heap of a tenth of the default holds any clip and starts three times as fast.
            command = ["festival", "--heap", "1000000", "--batch", str(path)]
            done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        except FileNotFoundError:
            raise VoxmeshError(f"festival is not installed; install it: {_APT} {speaker.package}") from None
        try:
            return [_read(Path(folder) / str(index)) for index in range(len(texts))]
        except (OSError, soundfile.LibsndfileError):
            if done.returncode < 0:
                raise SynthesiserCrash(
                    f"festival died on {texts!r} with {voice!r} (signal {-done.returncode})"
                ) from None
            why = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[:200]
            apt = f"{_APT} {speaker.package}"
            raise VoxmeshError(f"festival did not speak with {voice!r}: {why}; install the voice: {apt}") from None


def _read(stem: Path) -> tuple[np.ndarray, int, list[tuple[str, float, float]]]:
    samples, rate = soundfile.read(stem.with_suffix(".wav"), dtype="float32")
    phones, start, last = [], 0.0, len(samples) / rate
    for line in stem.with_suffix(".phones").read_text("latin-1").splitlines():
        fields = line.split()
        if len(fields) == 3:  # "end 100 name", after a head of one "#"
            end = min(float(fields[0]), last)
            phones.append((fields[2], start, end))
            start = end
    return samples, int(rate), phones
