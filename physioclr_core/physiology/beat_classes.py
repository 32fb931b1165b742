"""Sort a record's beats by shape and timing: dominant, ventricular-like, supraventricular premature."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.marks import BeatClass

FloatArray = npt.NDArray[np.float32]
HalfArray = npt.NDArray[np.float16]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# Beats of one shape correlate this much over all leads, in the best of a few shifts.
SAME_SHAPE = 0.90
# Less like the dominant beat than this, or of another shape and this much wider: another origin or way of conduction.
UNLIKE_DOMINANT = 0.75
WIDER = 1.25
# An RR interval below this share of the usual one around it is premature; a group of beats is where its median is.
PREMATURE = 0.82
PREMATURE_GROUP = 0.88
# A group with more of the beats than this that comes in time is the dominant rhythm in another shape.
_LARGE_SHARE = 0.2
_MAX_SHIFT = 2
_SAMPLE = 500
_AT_ONCE = 4096
_MAX_SHAPE = 1000.0
_MIN_RANGE_MV = 0.02
_MAX_TEMPLATES = 12
_SEEDS = 200
_RR_NEIGHBOURS = 31
# Where more beats than this are "premature" the rhythm itself is irregular, and prematurity means nothing.
_MAX_PREMATURE_SHARE = 0.4
# A rhythm is irregular where half of the RR intervals differ from the one before by more than this share of the median.
IRREGULAR = 0.06


def classify_beats(snippets_mv: HalfArray, rr_s: Float64Array) -> npt.NDArray[np.int8]:
    """Return the class of each beat.

    Beats are grouped by shape: the beat with most others like it makes a template, its like are taken out, and so on.
    The dominant group is the largest, where two are of a size the one with fewer premature beats (in bigeminy half of
    the beats are ventricular). Groups unlike it are ventricular-like where they are premature or wider, the dominant
    rhythm in another shape where they are large, come in time and are not wider, and unclassed otherwise. Beats like it
    that are premature are supraventricular premature, unless the rhythm is irregular throughout or the beat before is
    of another shape.

    Parameters
    ----------
    snippets_mv : ndarray of float16 or float32, shape (n_beats, n_leads, n_samples)
        QRS complexes, aligned at the R peak.
    rr_s : ndarray of float64, shape (n_beats,)
        RR interval before each beat; NaN where unknown.

    Returns
    -------
    ndarray of int8, shape (n_beats,)
        Values of ``BeatClass``; all unclassed where there are fewer than three beats.
    """
    n_beats = len(snippets_mv)
    classes = np.full(n_beats, BeatClass.UNCLASSED, np.int8)
    if n_beats < 3:
        return classes
    shapes = _shapes(snippets_mv)
    group, templates = _groups(shapes)
    is_ordinary = np.ones(n_beats, bool)
    relative_rr = _relative_rr(rr_s, is_ordinary)
    if len(templates) > 1:
        is_ordinary = _class_others_(classes, snippets_mv, rr_s, group, templates, relative_rr)
        # Now that other beats are known, the usual interval is that between ordinary beats.
        relative_rr = _relative_rr(rr_s, is_ordinary)
    classes[is_ordinary] = BeatClass.DOMINANT
    early = is_ordinary & (relative_rr < PREMATURE)
    early[1:] &= is_ordinary[:-1]  # after an interpolated beat of another shape the next is in time
    if early.sum() <= _MAX_PREMATURE_SHARE * is_ordinary.sum() and not _is_irregular(rr_s, is_ordinary, early):
        classes[early] = BeatClass.SUPRAVENTRICULAR
    return classes


def _class_others_(
    classes: npt.NDArray[np.int8],
    snippets_mv: HalfArray,
    rr_s: Float64Array,
    group: IntArray,
    templates: FloatArray,
    relative_rr: Float64Array,
) -> BoolArray:
    """Class the beats of other shapes than the dominant one; return which beats are ordinary."""
    n_beats, n_groups = len(group), len(templates)
    dominant = _dominant(group, relative_rr)
    like = _likeness(templates, templates[dominant])
    widths = np.array([_width(snippets_mv[group == g]) for g in range(n_groups)])
    is_wide = widths > WIDER * widths[dominant]
    is_ordinary = ((like >= SAME_SHAPE) | ((like >= UNLIKE_DOMINANT) & ~is_wide))[group]
    relative_rr = _relative_rr(rr_s, is_ordinary)
    for number in range(n_groups):
        members = group == number
        if is_ordinary[members].all():
            continue
        early = _median_of(relative_rr[members]) < PREMATURE_GROUP
        in_time = members.sum() > _LARGE_SHARE * n_beats and not early
        if in_time and not is_wide[number]:
            is_ordinary[members] = True
        elif early or (is_wide[number] and not in_time):
            classes[members] = BeatClass.VENTRICULAR
    return np.asarray(is_ordinary)


def _shapes(snippets_mv: HalfArray) -> HalfArray:
    """Return beats without each lead's offset, over its typical range and by how steady the lead is.

    A lead full of noise would make every beat another shape: leads count by the square of how well their beats agree
    with their own median. A lead that is off for most beats has no typical range and no say.
    """
    some = _centred(_sample(snippets_mv))
    size = np.median(np.ptp(some, axis=2), axis=0)
    typical = np.median(some, axis=0)
    agreement = np.einsum("ijk,jk->ij", some, typical)
    agreement /= np.maximum(np.linalg.norm(some, axis=2) * np.linalg.norm(typical, axis=1), 1e-9)
    weight = np.clip(np.median(agreement, axis=0), 0.05, 1.0) ** 2
    scale = np.where(size > _MIN_RANGE_MV, weight / np.maximum(size, _MIN_RANGE_MV), 0.0).astype(np.float32)
    shapes = np.empty(snippets_mv.shape, np.float16)
    for part in _parts(len(shapes)):
        shapes[part] = np.clip(_centred(snippets_mv[part]) * scale[:, None], -_MAX_SHAPE, _MAX_SHAPE)
    return shapes


def _centred(snippets_mv: HalfArray) -> FloatArray:
    full = snippets_mv.astype(np.float32)
    centred: FloatArray = full - full.mean(axis=2, keepdims=True)
    return centred


def _sample(values: HalfArray) -> HalfArray:
    """Return up to 500 of many, evenly spread: enough for what is typical."""
    return values[:: max(1, len(values) // _SAMPLE)]


def _parts(n: int) -> list[slice]:
    """Return slices that keep temporaries of a long record small."""
    return [slice(start, start + _AT_ONCE) for start in range(0, n, _AT_ONCE)]


def _groups(shapes: HalfArray) -> tuple[IntArray, FloatArray]:
    """Return the group of each beat and the mean shape of each group."""
    n_beats = len(shapes)
    typical = np.median(_sample(shapes).astype(np.float32), axis=0)
    # In most records all beats are alike, even without a shift.
    if _likeness_matrix(shapes, typical[None], max_shift=0).min() >= SAME_SHAPE:
        return np.zeros(n_beats, np.int64), typical[None]
    group = np.full(n_beats, -1)
    templates: list[FloatArray] = []
    # In most others more than half are like the median beat.
    members = np.flatnonzero(_likeness(shapes, typical) >= SAME_SHAPE)
    if 2 * len(members) > n_beats:
        group[members] = 0
        templates.append(shapes[members].mean(axis=0, dtype=np.float32))
    while (left := np.flatnonzero(group < 0)).size and len(templates) < _MAX_TEMPLATES:
        seeds = left[np.linspace(0, len(left) - 1, min(_SEEDS, len(left))).astype(np.int64)]
        n_like = (_likeness_matrix(shapes[seeds], shapes[seeds].astype(np.float32)) >= SAME_SHAPE).sum(axis=1)
        template = shapes[seeds[int(np.argmax(n_like))]].astype(np.float32)
        for _ in range(2):
            members = left[_likeness(shapes[left], template) >= SAME_SHAPE]
            if len(members):
                template = shapes[members].mean(axis=0, dtype=np.float32)
        if not len(members):
            members = seeds[[int(np.argmax(n_like))]]
            template = shapes[members[0]].astype(np.float32)
        group[members] = len(templates)
        templates.append(template)
    stack = np.stack(templates)
    if left.size:
        group[left] = np.argmax(_likeness_matrix(shapes[left], stack), axis=1)
    return group, stack


def _likeness(shapes: FloatArray | HalfArray, template: FloatArray) -> FloatArray:
    """Return the correlation of each shape with a template, the best of a few shifts."""
    return _likeness_matrix(shapes, template[None])[:, 0]


def _likeness_matrix(shapes: FloatArray | HalfArray, templates: FloatArray, max_shift: int = _MAX_SHIFT) -> FloatArray:
    """Return (n_shapes, n_templates) correlations, each the best of a few shifts."""
    inner = slice(_MAX_SHIFT, shapes.shape[2] - _MAX_SHIFT)
    fixed = templates[:, :, inner].reshape(len(templates), -1)
    fixed = fixed / np.maximum(np.linalg.norm(fixed, axis=1, keepdims=True), 1e-6)
    best = np.full((len(shapes), len(templates)), -1.0, np.float32)
    for part in _parts(len(shapes)):
        full = shapes[part].astype(np.float32)
        for shift in range(-max_shift, max_shift + 1):
            moved = full[:, :, _MAX_SHIFT + shift : full.shape[2] - _MAX_SHIFT + shift].reshape(len(full), -1)
            norm = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
            np.maximum(best[part], (moved @ fixed.T) / norm, out=best[part])
    return best


def _width(snippets_mv: HalfArray) -> float:
    """Return a measure of the QRS duration: the samples that hold the energy of the slopes."""
    slope = np.diff(np.median(_sample(snippets_mv).astype(np.float32), axis=0), axis=1)
    energy = np.square(slope).sum(axis=0)
    total = float(energy.sum())
    return total**2 / float(np.square(energy).sum()) if total > 0 else 0.0


def _relative_rr(rr_s: Float64Array, is_ordinary: BoolArray) -> Float64Array:
    """Return each RR interval over the median of the intervals between ordinary beats around it; NaN where unknown."""
    relative = np.full(len(rr_s), np.nan)
    is_nn = np.isfinite(rr_s) & is_ordinary
    is_nn[1:] &= is_ordinary[:-1]
    index = np.flatnonzero(is_nn)
    if len(index) < 2:
        index = np.flatnonzero(np.isfinite(rr_s))
    if len(index) < 2:
        return relative
    width = min(_RR_NEIGHBOURS, len(index))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(rr_s[index], width), axis=1)
    centre = np.clip(np.searchsorted(index, np.arange(len(rr_s))) - width // 2, 0, len(medians) - 1)
    relative[:] = rr_s / medians[centre]
    return relative


def _dominant(group: IntArray, relative_rr: Float64Array) -> int:
    size = np.bincount(group)
    timely = np.bincount(group, weights=~(relative_rr < PREMATURE))
    large = np.flatnonzero(size >= 0.5 * size.max())
    return int(large[np.argmax(timely[large])])


def _median_of(values: Float64Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else np.nan


def _is_irregular(rr_s: Float64Array, is_ordinary: BoolArray, early: BoolArray) -> bool:
    """Return whether RR intervals vary without pattern: those that are neither early nor after an early beat too."""
    after_early = np.concatenate([[False], early[:-1] | ~is_ordinary[:-1]])
    rest = rr_s[is_ordinary & ~early & ~after_early & np.isfinite(rr_s)]
    if len(rest) < 4:
        return False
    steps = np.abs(np.diff(rest)) / np.median(rest)
    return bool(np.median(steps) > IRREGULAR)
