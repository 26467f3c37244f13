"""Where sound lies in a stream: it neither falls behind the wall clock nor overtakes it, and every loss is counted."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from voxmesh.stream.cadence import MAX_GAP_NS, Cadence

RATE, BLOCK = 48000, 480
BLOCK_NS = 10_000_000


@settings(max_examples=20)
@given(st.integers(-300, 300), st.lists(st.integers(-20_000_000, 20_000_000), min_size=200, max_size=200))
def test_a_crystal_that_is_off_and_jitter_lose_nothing(ppm: int, jitter_ns: list[int]) -> None:
    """For 20 minutes of blocks whose times wander by 20 ms and drift."""
    cadence, period = Cadence(RATE), BLOCK_NS * (1 - Fraction(ppm, 1_000_000))
    for k in range(4000):
        # Thirty blocks as one: 20 minutes in milliseconds. Every twentieth wanders.
        captured_ns = int(30 * k * period) + (jitter_ns[k // 20] if k % 20 == 0 else 0)
        assert cadence.place(30 * BLOCK, captured_ns) == 30 * k * BLOCK
    assert cadence.lost == 0


FAULTS = st.sampled_from(["lost", "away", "late", "known", "overflow"])


@given(st.lists(st.tuples(st.integers(20, 60), FAULTS, st.integers(12, 300)), max_size=8))
def test_every_loss_is_counted_and_the_stream_keeps_time(faults: list[tuple[int, str, int]]) -> None:
    """Sound that is lost, a device that is away, one that delivers late, a full queue, an overflow, in any order."""
    cadence, now, missing = Cadence(RATE), 0, 0
    heard = lost = 0

    def hear(blocks: int, age: int = 0, **about: int) -> None:
        nonlocal now, heard
        for k in range(blocks):
            start = cadence.place(BLOCK, now - age, **(about if k == 0 else {}))
            assert start is not None and start == now // BLOCK_NS * BLOCK - age // BLOCK_NS * BLOCK
            heard += BLOCK
            now += BLOCK_NS

    for calm, fault, blocks in faults:
        hear(calm)
        if fault == "away":
            for _ in range(blocks):
                now += BLOCK_NS
                cadence.silence(now)
            lost += blocks
        elif fault == "late":
            # Silence took its place; then it all comes at once: dropped, but for what may be jitter.
            began, now = now, now + blocks * BLOCK_NS
            cadence.silence(now)
            kept = sum(cadence.place(BLOCK, began + k * BLOCK_NS) is not None for k in range(blocks - 10))
            lost += blocks
            assert kept == 0
        else:
            now += blocks * BLOCK_NS
            lost += blocks * (fault != "known")
            missing += blocks * (fault == "known")
            hear(1, missing=blocks * BLOCK if fault == "known" else 0, overflow=fault == "overflow")
    hear(1)
    assert cadence.lost == lost * BLOCK
    assert cadence.next == heard + cadence.lost + missing * BLOCK == now // BLOCK_NS * BLOCK


def test_an_hour_away_is_not_an_hour_of_frames() -> None:
    """All of it is counted, ten seconds of it have an index, and the stream goes on from there."""
    cadence = Cadence(RATE)
    cadence.place(BLOCK, 0)
    start = cadence.place(BLOCK, BLOCK_NS + 3600 * 10**9)
    assert start == BLOCK + MAX_GAP_NS * RATE // 10**9
    assert cadence.lost == 3600 * RATE
    assert cadence.place(BLOCK, 2 * BLOCK_NS + 3600 * 10**9) == start + BLOCK
    assert cadence.silence(3 * BLOCK_NS + 7200 * 10**9) == MAX_GAP_NS * RATE // 10**9


def test_overflows_too_short_to_tell_from_jitter_are_not_guessed() -> None:
    """10 ms that may be missing, or may be the device's buffer: the stream goes on without a hole."""
    cadence = Cadence(RATE)
    cadence.place(BLOCK, 0)
    assert cadence.place(BLOCK, 2 * BLOCK_NS, overflow=True) == BLOCK
    assert cadence.place(BLOCK, 7 * BLOCK_NS, overflow=True) > 2 * BLOCK
    assert cadence.lost > 0


def test_a_device_that_never_spoke_is_silence_from_the_first_look() -> None:
    """Silence before the first block has an index too."""
    cadence = Cadence(RATE)
    assert cadence.silence(10**12) == 0
    assert cadence.silence(10**12 + 10**9) == RATE
    assert cadence.place(BLOCK, 10**12 + 10**9) == RATE
