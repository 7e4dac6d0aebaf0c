"""Hashes of the character n-grams of texts, and how far known texts are contained in others."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Starts, compiled, decode

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

# Knuth's multiplier for MMIX. It is odd, so multiplying modulo 2**64 loses no information.
_BASE = np.uint64(0x5851F42D4C957F2D)


@compiled
def _spread(char: int | np.int64) -> np.uint64:
    """A code point as 64 bits that look random (the finaliser of splitmix64)."""
    z = np.uint64(char) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def ngram_hashes(starts: Starts, data: Bytes, ngram: int) -> tuple[Hashes, Ints]:
    """Hashes of all n-grams of code points, uint64, text after text, and where each text begins
    (int64 [texts + 1]); a text shorter than ``ngram`` has none. The same on every machine.

    Each code point is spread over 64 bits before the polynomial, so equal hashes mean equal n-grams
    but for odds of 2**-64 a couple.
    """
    # A text has no more n-grams than bytes. Callers pass batches, so 8 bytes per byte are bounded.
    num_texts = len(starts) - 1
    hashes = np.empty(max(0, starts[num_texts] - starts[0]), np.uint64)
    begins = np.zeros(num_texts + 1, np.int64)
    # The last ``ngram`` characters in a ring. It is not cleared between texts: a slot is read only
    # after the same text has written it.
    window = np.zeros(ngram, np.uint64)
    # The weight of the character that leaves: _BASE ** ngram, since the value is multiplied first.
    gone = np.uint64(1)
    for _ in range(ngram):
        gone *= _BASE
    count = 0
    for text in range(num_texts):
        offset, end, length, value = starts[text], starts[text + 1], 0, np.uint64(0)
        while offset < end:
            char, offset = decode(data, offset)
            slot = length % ngram
            spread = _spread(char)
            # A rolling polynomial: every step costs the same, whatever ``ngram``. All sums are
            # modulo 2**64, so the subtraction is exact.
            value = value * _BASE + spread
            if length >= ngram:
                value -= window[slot] * gone
            window[slot] = spread
            length += 1
            if length >= ngram:
                hashes[count] = value
                count += 1
        begins[text + 1] = count
    # A view would keep the whole allocation alive.
    return hashes[:count].copy(), begins


@compiled
def thirds_of(char: int | np.int64) -> int:
    """How many letters of an alphabet a character says as much as, in thirds.

    Chinese has 0.28 to 0.40 characters for a letter of its English translation (the Bible, TICO-19,
    software), so a Han character counts as three and a third. A syllable of Japanese, Korean or Yi
    counts as two. In Thai, Lao, Khmer, Burmese, Tamil and Vietnamese it is 0.9 to 1.4 characters,
    so that each counts as one.
    """
    if char < 0x3005:
        return 3
    if (
        0x4E00 <= char <= 0x9FFF
        or 0x3400 <= char <= 0x4DBF
        or 0xF900 <= char <= 0xFAFF
        or 0x20000 <= char <= 0x3FFFF
        or char in (0x3005, 0x3007)
    ):
        return 10
    if 0x3041 <= char <= 0x30FF or 0xA000 <= char <= 0xA48F or 0xAC00 <= char <= 0xD7A3:
        return 6
    return 3


@compiled
def num_letters(starts: Starts, data: Bytes) -> Ints:
    """The letters that all characters of each text say as much as, int64 [texts]."""
    num_texts = len(starts) - 1
    letters = np.zeros(num_texts, np.int64)
    for text in range(num_texts):
        offset, end = starts[text], starts[text + 1]
        while offset < end:
            char, offset = decode(data, offset)
            letters[text] += thirds_of(char)
    return letters // 3


@compiled
def scaled_ngram_hashes(
    starts: Starts, data: Bytes, size: int
) -> tuple[Hashes, npt.NDArray[np.uint8], Ints]:
    """As ``ngram_hashes``, of n-grams that say as much in every script.

    An n-gram is the shortest run of characters that count as ``size`` letters or more
    (``thirds_of``): ten letters, or three Han characters. The second array (uint8) has, for each
    n-gram, the thirds of a letter that its last character counts as. In an alphabet the hashes are
    those of ``ngram_hashes``.
    """
    num_texts = len(starts) - 1
    hashes = np.empty(max(0, starts[num_texts] - starts[0]), np.uint64)
    last = np.empty(len(hashes), np.uint8)
    begins = np.zeros(num_texts + 1, np.int64)
    window, widths = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    powers = np.ones(size + 1, np.uint64)
    for power in range(size):
        powers[power + 1] = powers[power] * _BASE
    count = 0
    for text in range(num_texts):
        offset, end, value = starts[text], starts[text + 1], np.uint64(0)
        first, stop, thirds = 0, 0, 0  # of the run: its characters by number, and what they say
        while offset < end:
            char, offset = decode(data, offset)
            width = thirds_of(char)
            # Out goes what the run does not need; it never holds more than ``size`` characters.
            while first < stop and thirds + width - widths[first % size] >= 3 * size:
                value -= window[first % size] * powers[stop - first - 1]
                thirds -= widths[first % size]
                first += 1
            window[stop % size], widths[stop % size] = _spread(char), width
            value = value * _BASE + window[stop % size]
            thirds += width
            stop += 1
            if thirds >= 3 * size:
                hashes[count], last[count] = value, width
                count += 1
        begins[text + 1] = count
    return hashes[:count].copy(), last[:count].copy(), begins


@compiled
def most_contained(
    hashes: Hashes,
    begins: Ints,
    ref_hashes: Hashes,
    buckets: Ints,
    shift: int,
    owner_starts: Ints,
    owners: Ints,
    sizes: Ints,
    needed: npt.NDArray[np.float32],
) -> tuple[Ints, npt.NDArray[np.float32]]:
    """For each text the reference of which it contains the largest share, and that share.

    Only references count of which the text contains the share ``needed[j]`` or more.

    The text's n-grams are ``hashes[begins[i] : begins[i + 1]]``. ``ref_hashes`` are distinct hashes
    in ascending order. ``buckets[h >> shift]`` is the index of the first that can be ``h``. Hash k
    occurs in references ``owners[owner_starts[k] : owner_starts[k + 1]]``, and j has ``sizes[j]``
    distinct ones. Among equal shares the smallest reference counts; -1 and 0 where there is none.
    int64 and float32 [texts].
    """
    num_texts = len(begins) - 1
    best, share = np.full(num_texts, -1, np.int64), np.zeros(num_texts, np.float32)
    # Sizes count distinct n-grams, so a second occurrence in the same text must not count.
    seen = np.full(len(ref_hashes), -1, np.int64)  # the last text that had this hash
    # ``touched`` lists the references that this text met. Only these are compared and reset, so a
    # text costs its own n-grams and not the number of references.
    counts = np.zeros(len(sizes), np.int64)
    touched = np.empty(len(sizes), np.int64)
    for text in range(num_texts):
        num_touched = 0
        for number in range(begins[text], begins[text + 1]):
            value = hashes[number]
            # Hashes are uniform, and there are two buckets or more a hash: nearly all hold 0 to 2.
            bucket = value >> np.uint64(shift)
            for k in range(buckets[bucket], buckets[bucket + np.uint64(1)]):
                if ref_hashes[k] != value or seen[k] == text:
                    continue
                seen[k] = text
                for index in range(owner_starts[k], owner_starts[k + 1]):
                    owner = owners[index]
                    if counts[owner] == 0:
                        touched[num_touched] = owner
                        num_touched += 1
                    counts[owner] += 1
        for index in range(num_touched):
            owner = touched[index]
            # Rounded before the comparison: shares that are equal in the output are ties here as
            # well.
            containment = np.float32(counts[owner] / sizes[owner])
            counts[owner] = 0
            if containment < needed[owner]:
                continue
            # The smaller reference wins ties, so the order in which they were met does not matter.
            if containment > share[text] or (containment == share[text] and owner < best[text]):
                best[text], share[text] = owner, containment
    return best, share
