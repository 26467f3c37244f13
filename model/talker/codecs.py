"""What a call or a file does to speech: real encoders (libsndfile's), telephone bands, lost packets.

Every step keeps length and timing: a codec's delay is taken off, filters have no phase.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from scipy import fft

from voxmesh.model.talker.synthesis import SAMPLE_RATE, band, samples


@dataclass(frozen=True)
class Codec:
    """An encoding that libsndfile writes: its container, its name, the rate it runs at and how often it is drawn.

    `levels` is the range of libsndfile's compression level, 0 (best) to 1 (smallest), None where there is none.
    """

    container: str
    encoding: str
    rate_hz: int
    share: float
    levels: tuple[float, float] | None = None


CODECS = {
    "mp3": Codec("MP3", "MPEG_LAYER_III", 16000, 0.18, (0.5, 0.99)),
    "mp3 8k": Codec("MP3", "MPEG_LAYER_III", 8000, 0.05, (0.5, 0.99)),
    "vorbis": Codec("OGG", "VORBIS", 16000, 0.17, (0.3, 1.0)),
    "opus": Codec("OGG", "OPUS", 16000, 0.08, (0.95, 1.0)),  # 6-18 kbit/s; the slowest here
    "gsm": Codec("WAV", "GSM610", 8000, 0.12),
    "mu-law": Codec("WAV", "ULAW", 8000, 0.08),
    "mu-law 16k": Codec("WAV", "ULAW", 16000, 0.05),
    "a-law": Codec("WAV", "ALAW", 8000, 0.08),
    "adpcm": Codec("WAV", "IMA_ADPCM", 16000, 0.07),
    "adpcm 8k": Codec("WAV", "IMA_ADPCM", 8000, 0.05),
    "g.721": Codec("AU", "G721_32", 8000, 0.05),
}
# An MP3 frame of 8 kbit/s has no room for LAME's tag, which tells the decoder how much to skip at the start.
_MP3_DELAY = 1105


def round_trip(audio: np.ndarray, name: str, level: float = 1.0) -> np.ndarray:
    """`audio` (N,) in -1..1 at 16 kHz through the codec of CODECS called `name` and back: (N,) float64, not shifted.

    `level` 0..1 goes from the codec's best compression level to its smallest. An MP3's delay (Lame's 576 samples and
    the decoder's 529) is taken off where the file cannot tell it; the others have none or libsndfile skips it.
    Raises KeyError for an unknown name and soundfile.LibsndfileError where libsndfile was built without the encoder.
    """
    codec = CODECS[name]
    sound = np.clip(np.asarray(audio, np.float64), -1.0, 1.0)
    if codec.rate_hz != SAMPLE_RATE:
        sound = soxr.resample(sound, SAMPLE_RATE, codec.rate_hz, "MQ")
    settings = {}
    if codec.levels:
        settings["compression_level"] = codec.levels[0] + level * (codec.levels[1] - codec.levels[0])
    if codec.container == "MP3":
        settings["bitrate_mode"] = "CONSTANT"
    file = io.BytesIO()
    soundfile.write(file, sound, codec.rate_hz, format=codec.container, subtype=codec.encoding, **settings)
    file.seek(0)
    decoded, _ = soundfile.read(file)
    if codec.container == "MP3" and len(decoded) > len(sound):
        decoded = decoded[_MP3_DELAY:]
    if codec.rate_hz != SAMPLE_RATE:
        decoded = soxr.resample(decoded, codec.rate_hz, SAMPLE_RATE, "MQ")
    decoded = decoded[: len(audio)]
    return np.pad(decoded, (0, len(audio) - len(decoded)))


def through_codec(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`audio` (N,) of any scale through a random codec, fed at a random level and scaled back."""
    names = list(CODECS)
    shares = np.array([codec.share for codec in CODECS.values()])
    name = names[rng.choice(len(names), p=shares / shares.sum())]
    scale = rng.uniform(0.1, 0.95) / (np.max(np.abs(audio), initial=0.0) + 1e-9)
    return round_trip(audio * scale, name, rng.random()) / scale


def telephone(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The band of a telephone line, about 300-3400 Hz, edges of 12-60 dB an octave, without phase; (N,) as it came."""
    size = fft.next_fast_len(len(audio) + SAMPLE_RATE // 16, real=True)
    low, high, order = rng.uniform((200.0, 3000.0, 2.0), (400.0, 3800.0, 10.0))
    gain = band(fft.rfftfreq(size, 1 / SAMPLE_RATE), low, high, order)
    return fft.irfft(fft.rfft(audio, size) * gain, size)[: len(audio)]


def lose_packets(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Packets of 20-60 ms that never came: 1-8 % of them silent, or filled with the one before, fading."""
    packet = samples(float(rng.choice([0.02, 0.03, 0.04, 0.06])))
    out = np.array(audio)
    repeat = rng.random() < 0.5
    for at in packet * (1 + np.flatnonzero(rng.random(len(out) // packet) < rng.uniform(0.01, 0.08))):
        lost = out[at : at + packet]
        lost[:] = 0.5 * out[at - packet : at - packet + len(lost)] if repeat else 0.0
    return out
