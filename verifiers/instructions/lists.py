"""Small word lists, written by hand: what larger tools learn from corpora or download."""


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


TITLES = listed(
    "mr mrs ms dr prof messrs st ste rev hon gen col maj capt lt cpl sgt adm cmdr gov sen sens rep reps pres supt"
)
"""A name follows these, so their period never ends a sentence."""

ABBREVIATIONS = listed("""
    sr jr inc corp co cos ltd bros llc plc dept assn est ave blvd rd ft mt vs etc approx fig figs vol vols ed eds al
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri
    ala ariz ark calif colo conn del fla ga ill ind kan ky la mass md mich minn mo mont neb nev okla ore pa penn tenn
    tex va vt wash wis wyo u.s u.k u.n u.s.a e.u d.c n.y n.j n.c s.c n.d s.d n.h n.m r.i l.a a.m p.m a.d b.c e.g i.e
    ph.d m.d b.a m.a b.s m.s m.b.a j.d c.e.o p.o r.s.v.p
""")

STARTERS = listed("""
    a after all also although an and another any as at because before both but by each even every few first for from
    he her here his how however i if in it its last many meanwhile more moreover most my next no nobody none nor not
    now of on once one only or other our perhaps she since so some still such that the their then there these they
    this those though through thus to today two under unless until we what when where whether which while who why with
    yet you your
""")
"""Words that start a sentence when they stand capitalised after an abbreviation or an ellipsis."""
