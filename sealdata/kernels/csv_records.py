"""The records of CSV text (RFC 4180): where each is, and the two fields of it that are wanted."""

import numpy as np
import numpy.typing as npt

from sealdata.kernels import Bytes, Int, Starts, compiled

GOOD, WRONG_COUNT, BAD_QUOTES = 0, 1, 2  # what a record can be
_QUOTE, _COMMA, _LF, _CR = 34, 44, 10, 13
# Kinds of fields: plain, or with a quotation mark inside; quoted, on one line or several; and
# quoted with text behind the closing mark, or without one.
_PLAIN, _MARKED, _QUOTED, _LINES, _GOES_ON, _OPEN = 0, 1, 2, 3, 4, 5


@compiled
def _field_end(data: Bytes, start: Int, stop: Int) -> tuple[Int, Int, Int]:
    """Where the content of the field at ``start`` ends, where its delimiter is, and its kind.

    The delimiter is a comma, a line feed or the end of ``data``. A quoted field that reaches
    ``stop`` is never closed.
    """
    size = np.int64(len(data))
    offset = np.int64(start)
    if offset == size or data[offset] != _QUOTE:
        kind = _PLAIN
        while offset < size and data[offset] != _COMMA and data[offset] != _LF:
            if data[offset] == _QUOTE:
                kind = _MARKED
            offset += 1
        ends_record = offset == size or data[offset] == _LF
        if ends_record and offset > start and data[offset - 1] == _CR:
            return offset - 1, offset, kind
        return offset, offset, kind
    kind = _QUOTED
    offset += 1
    while offset < stop:
        if data[offset] == _LF:
            kind = _LINES
        if data[offset] != _QUOTE:
            offset += 1
            continue
        after = offset + 1
        if after < size and data[after] == _QUOTE:
            offset += 2
            continue
        delimiter = after
        if after < size and data[after] == _CR and (after + 1 == size or data[after + 1] == _LF):
            delimiter = after + 1
        if delimiter == size or data[delimiter] == _LF or data[delimiter] == _COMMA:
            return offset, delimiter, kind
        return offset, after, _GOES_ON
    return stop, stop, _OPEN


@compiled
def _copied(data: Bytes, start: Int, end: Int, quoted: bool, out: Bytes, offset: Int) -> Int:
    """Copy a field's content to ``out[offset:]``, a doubled mark as one; where it ends."""
    source = start + 1 if quoted else start
    while source < end:
        out[offset] = data[source]
        offset += 1
        source += 2 if quoted and data[source] == _QUOTE else 1
    return offset


@compiled
def csv_records(
    data: Bytes,
    last: bool,
    columns: Int,
    first_column: Int,
    second_column: Int,
    limit: Int,
    doubt: Int,
) -> tuple[Starts, npt.NDArray[np.uint8], Starts, Bytes, Starts, Bytes, Int]:
    """The records of ``columns`` fields, two of these fields, and how far ``data`` is in doubt.

    Returns, in order:

    - int64 [records + 1]: where each record begins, and where the last one ends;
    - uint8 [records]: GOOD, WRONG_COUNT or BAD_QUOTES;
    - int64 [records + 1] and uint8: where the first field of each record begins in its bytes;
    - the same two of the second field;
    - the end of what is in doubt.

    Quotation marks of fields are undone. The fields of a record that is not GOOD are empty.

    With ``last``, the data ends here. Without it, a record that may go on behind ``data`` is left
    for the next call. ``doubt`` is passed on to it, less the bytes that are gone.

    A quotation mark that is never closed, or closed before other text, leaves open where its record
    ends. The same holds if a record of several lines has a wrong number of fields. Then only the
    first line is taken for the bad record, and the next line begins another one. Up to where the
    fault was seen, records with a quotation mark inside a plain field are bad too: they may be the
    inside of a quoted field. A quoted field that makes a record longer than ``limit`` bytes counts
    as never closed.
    """
    size = np.int64(len(data))
    lines = np.int64(0)
    for byte in data:
        lines += byte == _LF
    ends = np.zeros(lines + 2, np.int64)
    states = np.zeros(lines + 1, np.uint8)
    first_starts, second_starts = np.zeros(lines + 2, np.int64), np.zeros(lines + 2, np.int64)
    first, second = np.empty(size, np.uint8), np.empty(size, np.uint8)
    record = np.int64(0)
    start: Int = np.int64(0)
    first_end: Int = np.int64(0)
    second_end: Int = np.int64(0)
    while start < size:
        offset: Int = start
        fields, state = np.int64(0), GOOD
        several_lines, complete = False, False
        stop = min(size, start + limit)
        first_start: Int = np.int64(0)
        second_start: Int = np.int64(0)
        first_stop: Int = np.int64(0)
        second_stop: Int = np.int64(0)
        first_quoted = second_quoted = False
        while True:
            end, delimiter, kind = _field_end(data, offset, stop)
            if kind == _OPEN and not last and size - start < limit:
                break  # it may be closed in what is not read yet
            if kind >= _GOES_ON:
                state = BAD_QUOTES
                doubt = max(doubt, delimiter)
                complete = True
                break
            if kind == _MARKED and offset < doubt:
                state = BAD_QUOTES
            several_lines = several_lines or kind == _LINES
            if fields == first_column:
                first_start, first_stop, first_quoted = offset, end, bool(kind >= _QUOTED)
            if fields == second_column:
                second_start, second_stop, second_quoted = offset, end, bool(kind >= _QUOTED)
            fields += 1
            if delimiter == size:
                complete = last
                offset = size
                break
            offset = delimiter + 1
            if data[delimiter] == _LF:
                complete = True
                break
        if not complete:
            break
        if state == GOOD and fields != columns:
            state = WRONG_COUNT
            if several_lines:
                state = BAD_QUOTES
                doubt = max(doubt, offset)
        if state == BAD_QUOTES:
            offset = start
            while offset < size and data[offset] != _LF:
                offset += 1
            if offset == size and not last:
                break
            offset = min(offset + 1, size)
        if state == GOOD:
            first_end = _copied(data, first_start, first_stop, first_quoted, first, first_end)
            second_end = _copied(data, second_start, second_stop, second_quoted, second, second_end)
        states[record] = state
        record += 1
        ends[record] = start = offset
        first_starts[record], second_starts[record] = first_end, second_end
    return (
        ends[: record + 1],
        states[:record],
        first_starts[: record + 1],
        first[:first_end].copy(),  # or the whole buffer stays in memory
        second_starts[: record + 1],
        second[:second_end].copy(),
        doubt,
    )
