"""Small word lists, written by hand: what larger tools learn from corpora or download."""


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


PUNKT_ABBREVIATIONS = listed("""
    mr mrs ms dr prof messrs st sen rep reps gen col lt maj adm sr jr inc corp co cos ltd bros cie ave ft ct yr mg vs
    jan feb aug sep sept oct nov dec tues wed fri ala ariz calif colo conn fla ga ill kan ky mich minn nev okla ok ore
    pa tenn va vt wash wis u.s u.s.a u.s.s.r u.k u.n d.c j.k n.y n.j n.c n.d n.h n.m s.c r.i l.a a.d a.m p.m ph.d m.b.a
    c d e f g h k l m n p r s t v w
""")
"""Of the abbreviations that Punkt learned from newspapers, those that turn up elsewhere. `e.g` is none of them."""

TITLES = listed(
    "mr mrs ms dr prof messrs st ste rev hon gen col maj capt lt cpl sgt adm gov sen sens rep reps pres supt"
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
    yet you your yes just maybe well please sure thank thanks never always often usually sometimes finally secondly
    additionally furthermore therefore instead overall lastly
""")
"""Words that start a sentence when they stand capitalised after an abbreviation."""

CONJUNCTIONS = listed("and but for nor or so yet")
"""English coordinating conjunctions."""

PERSONAL_PRONOUNS = listed("""
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
    herself it its itself they them their theirs themselves
""")
OTHER_PRONOUNS = listed("""
    this that these those who whom whose which what whoever whomever whatever whichever anybody anyone anything
    everybody everyone everything nobody nothing somebody someone something each either neither both all some any none
""")

NAMES = listed("""
    Emma Liam Sophia Jackson Olivia Noah Ava Lucas Isabella Mason Mia Ethan Charlotte Alexander Amelia Benjamin Harper
    Leo Zoe Daniel Chloe Samuel Lily Matthew Grace Owen Abigail Gabriel Ella Jacob Scarlett Nathan Victoria Elijah Layla
    Nicholas Audrey David Hannah Christopher Penelope Thomas Nora Andrew Aria Joseph Claire Ryan Stella Jonathan
""")
"""The names that the prompt of `count:person_names` offers."""

STOP_WORDS = listed("""
    a about above after again against ain all am an and any are aren as at be because been before being below between
    both but by can couldn d did didn do does doesn doing don down during each few for from further had hadn has hasn
    have haven having he her here hers herself him himself his how i if in into is isn it its itself just ll m ma me
    mightn more most mustn my myself needn no nor not now o of off on once only or other our ours ourselves out over own
    re s same shan she should shouldn so some such t than that the their theirs them themselves then there these they
    this those through to too under until up ve very was wasn we were weren what when where which while who whom why
    will with won wouldn y you your yours yourself yourselves
""")
"""English function words, and what an apostrophe leaves of a contraction (`don`, `t`, `ll`)."""

MINOR_WORDS = listed(
    "a an and as at but by for from if in into nor of off on onto or over per so than the to up via with yet"
)
"""What a title may leave without a capital."""
