"""Whether quotes are around whole fields of one line, so that the ends of lines are those of rows.

Bytes of whole lines come in; out go the separators by which that is true. Every letter is looked
at, 64 at once: each is a bit of an integer, and the first letter is the lowest bit of the first.
"""

import numpy as np

from ._dialect import SEPARATORS, sign


def plain_separators(lines, separators=SEPARATORS):
    """Return the separators with which every quote in whole lines begins or ends a field.

    No field spans lines. There are no such separators if a line ends in a carriage return alone.
    """
    letters = np.frombuffer(lines, dtype=np.uint8)
    quotes, newlines, returns = (_bits(letters, code) for code in b'"\n\r')
    if (returns & ~_before(newlines)).any():
        return set()
    if not quotes.any():
        return set(separators)
    # Within quotes, up to each letter there is an odd number of them: add them up, without carries.
    inside = quotes.copy()
    for n in (1, 2, 4, 8, 16, 32):
        inside ^= inside << n
    inside[1:] ^= -np.bitwise_xor.accumulate(inside[:-1] >> 63)
    if inside[-1] >> 63 or (inside & newlines).any():
        return set()
    # Before the first letter is the end of a line, as after the last one.
    begins = quotes & inside & ~_after(newlines, 1)
    ends = quotes & ~inside & ~_before(newlines | returns)
    found = {name: _bits(letters, ord(sign(name))) for name in separators}
    return {
        name
        for name, marks in found.items()
        if not ((begins & ~_after(marks)).any() or (ends & ~_before(marks)).any())
    }


def _bits(letters, code):
    """Say of each letter whether it has a code, in the bits of integers, the lowest first."""
    words = np.zeros(-(-len(letters) // 64), dtype="<u8")
    found = np.packbits(letters == code, bitorder="little")
    words.view(np.uint8)[: len(found)] = found
    return words


def _after(bits, first=0):
    """Say of each letter what bits say of the one before it."""
    moved = bits << 1
    moved[1:] |= bits[:-1] >> 63
    moved[0] |= first
    return moved


def _before(bits):
    """Say of each letter what bits say of the one after it."""
    moved = bits >> 1
    moved[:-1] |= bits[1:] << 63
    return moved
