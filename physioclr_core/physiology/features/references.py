"""Where the definitions of the features are from."""

OWN = "own"
# Recommendations for the standardisation and interpretation of the ECG (AHA, ACC, HRS), by part.
TECHNOLOGY = "Kligfield et al., Circulation 2007;115:1306"
CONDUCTION = "Surawicz et al., Circulation 2009;119:e235"
REPOLARISATION = "Rautaharju et al., Circulation 2009;119:e241"
HYPERTROPHY = "Hancock et al., Circulation 2009;119:e251"
ISCHAEMIA = "Wagner et al., Circulation 2009;119:e262"
INFARCTION = "Thygesen et al., Circulation 2018;138:e618"

HRV = "Task Force of ESC and NASPE, Circulation 1996;93:1043"
PNN20 = "Mietus et al., Heart 2002;88:378"
SAMPLE_ENTROPY = "Lake and Moorman, Am J Physiol Heart Circ Physiol 2011;300:H319"
FIBRILLATION = "Dash et al., Ann Biomed Eng 2009;37:1701"
POINCARE = "Brennan et al., IEEE Trans Biomed Eng 2001;48:1342"

P_DISPERSION = "Dilaveris et al., Am Heart J 1998;135:733"
P_TERMINAL_FORCE = "Morris et al., Circulation 1964;29:242"
QRS_ENDS = "after Vereckei et al., Heart Rhythm 2008;5:89"
FRAGMENTS = "after Das et al., Circulation 2006;113:2495"

FRIDERICIA = "Fridericia, Acta Med Scand 1920;53:469"
QT_DISPERSION = "after Day et al., Br Heart J 1990;63:342"
JT_PEAK = "Johannesen et al., Clin Pharmacol Ther 2014;96:549"
QRS_T_ANGLE = "Kardys et al., Eur Heart J 2003;24:1357"
COMPLEXITY = "after Priori et al., Circulation 1997;96:3008"

VECTOR = "Kors et al., Eur Heart J 1990;11:1083"
SOKOLOW_LYON = "Sokolow and Lyon, Am Heart J 1949;37:161"
CORNELL = "Casale et al., J Am Coll Cardiol 1985;6:572"
PEGUERO = "Peguero et al., J Am Coll Cardiol 2017;69:1694"
