"""What the page says of each measurement: its names, its figure, and a few short lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    title : str
    figure : str
        Name of the figure: that of the function that draws it.
    alt : str
        The figure in words, for those who cannot see it.
    names : tuple of str
        The measurements that it explains.
    lines : tuple of tuple of str
        A word for each line, and the line.
    """

    title: str
    figure: str
    alt: str
    names: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]


_INTERVAL_ERROR = (
    "1.4826 x median absolute deviation over the beats / sqrt(beats), and half a sample at both ends, in quadrature. "
    "Not given for fewer than three beats."
)
_NOISE_ERROR = "The standard error of the median beat in the lead: 1.2533 x noise of single beats / sqrt(beats)."

HOW = (
    Section(
        "Global and lead intervals",
        "global_and_lead",
        "Twelve leads of a median beat on one level with global marks, and each lead's own P, QRS and T as bars below.",
        (),
        (
            ("What", "Two sets of marks: each lead's own, and global ones for all leads together."),
            (
                "Global",
                "From the earliest onset to the latest end that a second lead has within 12 ms: one lead may err.",
            ),
            (
                "Why",
                "A wave is isoelectric at its beginning or end in some leads, so a single lead shows it too short.",
            ),
            ("Used for", "Every interval of the record. Durations of single leads are listed with the leads."),
            ("Source", "Kligfield P et al. Circulation 2007;115:1306-1324."),
        ),
    ),
    Section(
        "Beats and their classes",
        "beat_classes",
        "Two rhythm strips with the class of each beat above, and bars below the beats that make the median beat.",
        ("beats", "dominant_beats", "ventricular_beats", "supraventricular_beats", "unclassed_beats", "paced_beats"),
        (
            ("What", "How many beats there are, and of which kind by shape and timing. A shape is not a diagnosis."),
            (
                "How",
                "QRS complexes are grouped by their correlation over all leads. The largest group leads; "
                "of two that are of a size, the one with fewer early beats.",
            ),
            (
                "Ventricular",
                "Unlike the leading shape, and early, or wider. A large group in time that is not wider is the leading "
                "rhythm too.",
            ),
            ("Supraventricular", "Of the leading shape, but after less than 0.82 of the usual RR interval."),
            ("Not given", "Classes: fewer than three beats. Paced beats: pacing pulses are not looked for."),
            (
                "Know",
                "Where half of the RR intervals differ from the next by over 6 %, or over 40 % of the beats are early, "
                "no beat is called supraventricular premature: early means nothing there. Nor is the beat after one "
                "of another shape.",
            ),
        ),
    ),
    Section(
        "The median beat",
        "median_beat",
        "All beats over one another in two leads: beats used in grey, beats left out dashed, their median in black.",
        (),
        (
            ("What", "The typical beat of each lead. Intervals, axes, amplitudes and ST levels are read from it."),
            ("Beats", "Those of the leading shape, aligned at R by the slopes of all leads; 60 at most."),
            ("Left out", "Other classes, beats cut by the record's ends, and beats unlike the rest or noisy."),
            ("Level", "0 mV is the PQ level: the last 16 ms before QRS; without P waves the last 40 ms."),
            ("Marks", "The median over the beats of each lead's marks; a wave counts where half of the beats have it."),
            ("Source", "Selective averaging: IEC 60601-2-51 annex GG."),
        ),
    ),
    Section(
        "Absent, and not measurable",
        "absent_or_not_measurable",
        "Atrial fibrillation with P marked absent before each beat, and three leads of which one is off.",
        (),
        (
            (
                "Absent",
                "The signal is good enough to see that there is no such wave. "
                "Said of the wave: no P wave before most beats.",
            ),
            (
                "Not measurable",
                "Nothing can be said: a gap, a flat lead, the record's end. Said of the lead, with why.",
            ),
            (
                "P as a whole",
                "P waves are not reported where an irregular rhythm has them before under 60 % of beats, "
                "or any rhythm before under 20 %: single fibrillatory waves look like P.",
            ),
            ("Never", "A value is never guessed, and a missing one is never 0. 0 mV means: this wave is not there."),
        ),
    ),
    Section(
        "Resolution and confidence",
        "certainty",
        "One QRS onset at 500 Hz and at 100 Hz with its samples, and bars of confidence for each lead.",
        (),
        (
            ("Resolution", "Half a sample to either side of a mark: 1 ms at 500 Hz, 5 ms at 100 Hz."),
            (
                "Confidence",
                "Of a boundary: the network's probability that it lies within 10 ms of where it is set. "
                "Of a peak: that the wave is there.",
            ),
            ("Uncertainty", "The number after +- is one standard uncertainty: scatter over the beats, and sampling."),
            (
                "Know",
                "It does not hold what marks are systematically off by; "
                "[physiology.md](physiology.md) has the errors against cardiologists' marks.",
            ),
        ),
    ),
)

MEASURED = (
    Section(
        "Heart rate and RR",
        "heart_rate",
        "A rhythm strip with triangles at the R peaks and the RR intervals in milliseconds below.",
        ("hr_bpm", "rr_mean_ms", "rr_sd_ms", "rr_min_ms", "rr_max_ms"),
        (
            ("What", "The mean ventricular rate, and mean, spread and extremes of the intervals between beats."),
            ("How", "60 000 / mean RR in ms, over every RR interval, whatever the class of its beats."),
            ("Unit", "bpm; ms."),
            ("Uncertainty", "SD of RR / sqrt(intervals), and the sampling."),
            ("Not given", "Fewer than two RR intervals. An interval over a gap is none."),
            ("Know", "In atrial fibrillation ten seconds are few: the rate has a wide uncertainty, which is shown."),
        ),
    ),
    Section(
        "P duration",
        "p_duration",
        "P waves of I, II and V1 with the global onset and end, and each lead's own marks.",
        ("p_ms",),
        (
            ("What", "From the earliest onset to the latest end of P."),
            ("How", "Median beat, all leads, global marks."),
            ("Unit", "ms."),
            ("Uncertainty", _INTERVAL_ERROR),
            ("Not given", "No P wave, P not measurable, or P not to be believed as a whole (above)."),
        ),
    ),
    Section(
        "PR interval",
        "pr_interval",
        "II and V1 with the interval from the P onset to the QRS onset.",
        ("pr_ms",),
        (
            ("What", "From the onset of P to the onset of QRS (PQ where QRS begins with Q)."),
            ("How", "Median beat, all leads, global marks."),
            ("Unit", "ms."),
            ("Uncertainty", _INTERVAL_ERROR),
            ("Not given", "As P duration. In complete AV block P and QRS are unrelated: there is no PR interval."),
            ("Limits", "120 to 200 ms."),
        ),
    ),
    Section(
        "QRS duration",
        "qrs_duration",
        "QRS complexes of I, V1 and V6 between the global onset and the J point, with each lead's own marks.",
        ("qrs_ms",),
        (
            ("What", "From the earliest onset to the latest end of QRS, the J point."),
            ("How", "Median beat, all leads, global marks."),
            ("Unit", "ms."),
            ("Uncertainty", _INTERVAL_ERROR),
            ("Not given", "No beat, or QRS not measurable in any lead."),
            ("Limits", "Under 110 ms in adults; 120 ms and more go with complete bundle branch block."),
        ),
    ),
    Section(
        "QT interval",
        "qt_interval",
        "Two leads with the interval from the QRS onset to the end of T.",
        ("qt_ms",),
        (
            ("What", "From the earliest onset of QRS to the latest end of T. A U wave of its own is not part of it."),
            ("How", "Median beat, all leads, global marks. The end is where the network sees T go over into rest."),
            ("Unit", "ms."),
            ("Uncertainty", _INTERVAL_ERROR),
            ("Not given", "No T wave, or T not measurable: it runs into the next beat, or the leads are too noisy."),
            ("Know", "Cardiologists differ most on the end of T. QT changes with the rate: read QTc."),
        ),
    ),
    Section(
        "QTc",
        "qtc",
        "QT and RR on a strip, and curves of four corrections of this QT over RR with the record's own RR marked.",
        ("qtc_fridericia_ms", "qtc_bazett_ms", "qtc_framingham_ms", "qtc_hodges_ms"),
        (
            ("What", "QT as it would be at a rate of 60. Fridericia is the one to read where one is wanted."),
            ("Fridericia", "QT / RR^(1/3), RR in s. Fridericia LS. Acta Med Scand 1920;53:469-486."),
            (
                "Bazett",
                "QT / RR^(1/2). Bazett HC. Heart 1920;7:353-370. Unfit away from 60 to 100 bpm; a note says so.",
            ),
            ("Framingham", "QT + 154 (1 - RR). Sagie A et al. Am J Cardiol 1992;70:797-801."),
            ("Hodges", "QT + 1.75 (rate - 60). Hodges M et al. J Am Coll Cardiol 1983;1:694."),
            (
                "How",
                "RR is the mean of the intervals that end at the beats used. "
                "The uncertainty is that of QT and of this mean, in quadrature.",
            ),
            (
                "Not given",
                "Without QT, or where no RR interval ends at a beat used. "
                "A note warns where RR varies by more than 15 % or P waves are not reported.",
            ),
            ("Limits", "Prolonged from 450 ms in men and 460 ms in women; short up to 390 ms."),
        ),
    ),
    Section(
        "P, QRS and T axes",
        "axes",
        "The limb leads with net areas shaded, and a hexaxial diagram with the three axes and their uncertainty.",
        ("p_axis_deg", "qrs_axis_deg", "t_axis_deg"),
        (
            (
                "What",
                "The direction of the mean electrical force in the frontal plane; 0 to the patient's left, 90 down.",
            ),
            ("How", "atan2(2 aVF / sqrt(3), I) of the net areas of the median beat; any two limb leads do."),
            ("Unit", "Degrees, above -180 up to 180."),
            ("Uncertainty", "Noise of the median beat and 5 uV of its level, over the whole wave (the worst case)."),
            ("Not given", "Fewer than two limb leads; QRS deflections that cancel; an uncertainty above 30 degrees."),
            ("Limits", "QRS of adults: -30 to 90; left axis deviation beyond -30, right beyond 90."),
            ("Source", "Surawicz B et al. Circulation 2009;119:e235-e240."),
        ),
    ),
    Section(
        "ST levels",
        "st_levels",
        "A lead with its PQ level, and the ST segment larger with the level at J and 40, 60 and 80 ms later.",
        ("st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv"),
        (
            ("What", "The level of each lead at J and 40, 60 and 80 ms after it, against the PQ level."),
            ("How", "Median beat; J is the global end of QRS, the same moment in every lead."),
            ("Unit", "mV, with sign; 0.1 mV is 1 mm."),
            ("Uncertainty", _NOISE_ERROR),
            ("Not given", "QRS not measurable in the lead, or the beat ends before the point."),
            (
                "Limits",
                "Elevation in two contiguous leads from 0.1 mV; in V2 and V3 from 0.2 mV in men of 40 years and "
                "more, 0.25 mV in younger men, 0.15 mV in women.",
            ),
            ("Know", "Bundle branch block, hypertrophy, pre-excitation and pacing move ST by themselves."),
        ),
    ),
    Section(
        "Amplitudes",
        "amplitudes",
        "One lead with P, Q, R, S and T drawn from their level to their peak, and a list of the values.",
        ("p_mv", "q_mv", "r_mv", "s_mv", "r_prime_mv", "t_mv"),
        (
            ("What", "The height of each wave of each lead, with its sign."),
            (
                "How",
                "Median beat within the global marks, from the PQ level; P from the line between its onset and end.",
            ),
            (
                "Smallest wave",
                "Within QRS: 0.03 mV for 6 ms (IEC 60601-2-51 annex GG). A smaller one is not there: 0 mV.",
            ),
            ("QS", "A QRS complex without R: its depth counts as S as well."),
            ("Unit", "mV."),
            ("Uncertainty", _NOISE_ERROR),
            ("Not given", "The lead is off or flat, or the wave is not measurable in it."),
            (
                "Know",
                "Below 400 Hz the beat is interpolated first, as it is drawn here. "
                "At 100 Hz a narrow R may still be several percent off.",
            ),
        ),
    ),
    Section(
        "Sokolow-Lyon",
        "sokolow_lyon",
        "V1, V5 and V6 with the depth of S and the heights of R.",
        ("sokolow_lyon_mv",),
        (
            ("What", "S of V1 plus the larger R of V5 and V6: a voltage sum for the left ventricle."),
            (
                "How",
                "Amplitudes of the median beat: the larger of R and R', and the deepest negative wave, "
                "whatever its letter.",
            ),
            ("Unit", "mV. The uncertainty is the noise of V1 and of the noisier of V5 and V6, in quadrature."),
            ("Not given", "One of the three leads is missing or not measurable."),
            ("Limits", "3.5 mV and more, in adults. Young and lean people reach it without hypertrophy."),
            ("Figure", "This ECG has 100 Hz: the ripple beside the tall R is that of the interpolation."),
            ("Source", "Sokolow M, Lyon TP. Am Heart J 1949;37:161-186."),
        ),
    ),
    Section(
        "Cornell voltage and product",
        "cornell",
        "aVL and V3 with the height of R and the depth of S.",
        ("cornell_mv", "cornell_product_mv_ms"),
        (
            ("What", "R of aVL plus S of V3; the product is this sum times QRS duration, with 0.6 mV added for women."),
            ("How", "Amplitudes and global QRS duration of the median beat; for S the deepest negative wave counts."),
            ("Unit", "mV; mV ms. The uncertainty of the sum is the noise of both leads, in quadrature."),
            ("Not given", "aVL or V3 is missing or not measurable; the product also where the sex is unknown."),
            ("Limits", "Above 2.8 mV in men, 2.0 mV in women; product above 244 mV ms; in adults."),
            (
                "Source",
                "Casale PN et al. Circulation 1987;75:565-572. Okin PM et al. J Am Coll Cardiol 1995;25:417-423.",
            ),
        ),
    ),
    Section(
        "Heart rate variability",
        "variability",
        "NN intervals over time with mean and SDNN, and each against the next with an ellipse of SD1 and SD2.",
        ("sdnn_ms", "rmssd_ms", "pnn50", "pnn20", "cvnn", "cvsd", "sd1_ms", "sd2_ms", "sample_entropy"),
        (
            ("What", "How much NN varies: RR intervals between two beats of the leading shape."),
            ("SDNN, CVNN", "Standard deviation of NN (n - 1), and over the mean."),
            ("RMSSD, CVSD", "Root mean square of successive differences, and over the mean."),
            ("pNN50, pNN20", "Successive differences above 50 and 20 ms, in percent of NN."),
            ("SD1, SD2", "Width and length of the Poincare plot: spread across and along the diagonal."),
            ("Sample entropy", "How rarely patterns of one interval that are alike within 30 ms go on alike."),
            ("Not given", "Fewer than 5 normal intervals (entropy: 8), or no two patterns alike."),
            (
                "Know",
                "From under a minute it is noted how short the record is: usual limits are those of 5 min or a day.",
            ),
            (
                "Source",
                "Task Force, Circulation 1996;93:1043-1065. Brennan M et al. IEEE Trans Biomed Eng 2001;48:1342. "
                "Lake DE, Moorman JR. Am J Physiol 2011;300:H319.",
            ),
        ),
    ),
)

# The other values of each lead, in one line each; those of the sections above are not repeated.
LEAD_VALUES: dict[str, str] = {
    "p_negative_mv": "deepest negative part of P after its positive part, or of a negative P",
    "p_negative_ms": "how long this part lasts",
    "s_prime_mv": "a second S, after R'",
    "qs_mv": "depth of a QRS complex without a positive wave",
    "qrs_pp_mv": "highest minus lowest value within QRS",
    "t_negative_mv": "deepest negative part of T",
    "t_positive_mv": "highest positive part of T",
    "st_slope_mv_per_s": "slope from J to J + 80 ms",
    "p_area_uvs": "net area of P",
    "qrs_area_uvs": "net area of QRS",
    "qrs_abs_area_uvs": "area of QRS without regard to its sign",
    "t_area_uvs": "net area of T",
    "q_ms": "duration of Q",
    "r_ms": "duration of R",
    "s_ms": "duration of S",
    "r_prime_ms": "duration of R'",
    "p_ms": "P duration by the lead's own marks",
    "pr_ms": "PR interval by the lead's own marks",
    "qrs_ms": "QRS duration by the lead's own marks",
    "t_ms": "T duration by the lead's own marks",
    "qt_ms": "QT interval by the lead's own marks",
    "vat_ms": "ventricular activation time: global QRS onset to the peak of the last R wave",
    "max_upslope_mv_per_s": "steepest rise within QRS",
    "n_fragments": "notches within QRS",
}
