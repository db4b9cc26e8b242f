"""Is a word a form of a common English verb. A stand-in for a part-of-speech tagger, for the first word of a text.

A tagger weighs the words around; this does not, so a noun that is spelled as a verb (`Water`, `Plan`) passes, and a
rare verb does not.
"""

from functools import lru_cache

from verifiers.instructions.lists import listed

REGULAR = listed("""
    accept access account achieve act adapt add address adjust admire admit adopt advance advise affect agree aim
    allow analyze announce answer anticipate apologize appear apply appoint appreciate approach approve argue arrange
    arrive ask aspire assemble assess assign assist assume assure attach attack attempt attend attract avoid await
    bake balance ban base bathe believe belong benefit blend bless blink boil book boost borrow bounce brainstorm
    breathe brew brush bury calculate call calm cancel capture care carry cause celebrate challenge change charge
    chase check cheer cherish chop claim clarify clean clear click climb close collaborate collect color combine
    comfort command comment commit communicate compare compete compile complain complete compose compute concentrate
    conclude conduct configure confirm connect conquer consider consist construct consult consume contact contain
    contemplate continue contribute convert convince cook copy correct cough count cover crack craft create cross cry
    cultivate cure dance dare deal debug decide declare decline decorate decrease dedicate defeat defend define delay
    delegate delete deliver demand demonstrate deny depend deploy derive describe deserve design desire destroy detect
    determine develop devote die differ digest diminish direct disagree disappear discover discuss dislike display
    distinguish divide document double doubt download drag dress drop dry earn edit educate elaborate elect eliminate
    embark embrace emerge employ empower empty enable encounter encourage end endure engage enhance enjoy enroll
    ensure enter entertain establish estimate evaluate examine exceed exchange execute exercise exist expand expect
    experience experiment explain explore express extend extract face fail fasten fear file fill film filter finish
    fix flee float flow focus fold follow force form format formulate foster found frame fry fulfill function gain
    gather gaze generate glance grab greet group guarantee guard guess guide hand handle happen harvest hate head help
    highlight hike hire hope host hug hunt hurry identify ignore illustrate imagine implement imply import impress
    improve include incorporate increase indicate influence inform initialize innovate insert insist inspect inspire
    install integrate intend interact introduce invent invest investigate invite involve iterate join journey judge
    jump justify kick kill kiss knock label lack land last laugh launch learn leverage lie lift light like limit link
    list listen live load locate lock log look love lower maintain manage map march mark marry master match matter
    maximize measure melt memorize mention merge mind minimize miss mix model modify monitor motivate mount mourn move
    multiply name narrow navigate need negotiate note notice obey observe obtain occur offer open operate oppose
    optimize order organize outline overlap owe own pack paint park participate pass pause perform permit persist
    persuade pick place plan plant play plead please plot point polish ponder possess post pour practice praise pray
    predict prefer prepare present preserve press pretend prevent print prioritize proceed process produce program
    project promise promote propose protect prove provide publish pull pump punish purchase pursue push question race
    rain raise reach react realize recall receive recognize recommend reconcile record recover recycle reduce refer
    refine reflect refuse regard register regret regulate reimagine reject relate relax release rely remain remember
    remind remove rename render renew repair repeat replace reply report represent request require rescue research
    reserve resist resolve respect respond rest restore retain retire retrieve return reveal review revise reward
    rinse risk roll rotate rule run rush sail satisfy save scale scan scatter schedule scream search secure seem
    select separate serve settle shape share shift shop shout show sign simplify sip skip slice slip smell smile
    smooth snow soak solve sort sound spark specify spell spice sprinkle squeeze stare start state stay steam step
    stir stop store strengthen stress stretch strive structure study submit substitute succeed suffer suggest suit
    summarize supply support suppose surprise surround survive suspect switch tackle talk target taste tend test thank
    tie touch trace track trade train transfer transform translate transport trap travel treat trim trust try turn
    type understand unite unleash unlock unveil update upgrade upload urge use utilize validate value vary venture
    verify view visit visualize vote wait walk wander want warm warn wash waste watch water wave weigh welcome whip
    whisk whisper wipe wish witness wonder work worry wrap yearn yell yield zoom
""")

IRREGULAR = listed("""
    am are arise arisen arose ate awake awoke be beat beaten became become been began begin begun being bend bent bet
    bid bind bit bite bitten bled bleed blew blow blown born bought bound break bred breed bring broke broken brought
    build built burn burnt burst buy came can cast catch caught choose chose chosen cling come cost could creep cut
    dealt did dig do does done drank draw drawn dream dreamt drew drink drive driven drove drunk dug eat eaten fall
    fallen fed feed feel fell felt fight find fit fled flew flown fly forbid forgave forget forgive forgiven forgot
    forgotten fought found freeze froze frozen gave get give given go goes going gone got gotten grew grind ground
    grow grown had hang has have having hear heard held hid hidden hide hit hold hung hurt is keep kept knew know
    known laid lay lead leap learnt leave led left lend lent let lit lose lost made make may mean meant meet met might
    must ought overcame overcome paid pay prove proven put quit ran rang read rid ridden ride ring rise risen rode
    rose run rung said sang sank sat saw say see seek seen sell send sent set sew sewn shake shaken shall shed shine
    shone shook shoot shot should shown shrank shrink shut sing sink sit sleep slept slid slide sold sought sow sown
    spat speak sped speed spend spent spin spit split spoke spoken sprang spread spring spun stand steal stick sting
    stole stolen stood strike strove struck stuck sung sunk swam swear sweep swept swim swing swore sworn swum swung
    take taken taught teach tear tell think thought threw throw thrown told took tore torn understood unwind upheld
    uphold wake was wear weave weep went wept were will win wind withdraw withdrew withstand woke woken won wore worn
    would wound wove woven write written wrote
""")
VOWELS = frozenset("aeiou")


@lru_cache(maxsize=1)
def forms() -> frozenset[str]:
    """Every form of the verbs in the lists."""
    return frozenset(form for verb in REGULAR | IRREGULAR for form in inflected(verb))


def inflected(verb: str) -> set[str]:
    """The verb with `s`, `ed` and `ing`, in every spelling that its last letters allow."""
    if verb.endswith("e"):
        return {verb, f"{verb}s", f"{verb}d", f"{verb[:-1]}ing", f"{verb}ing" if verb.endswith("ee") else verb}
    if verb.endswith("y") and verb[-2] not in VOWELS:
        return {verb, f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing"}
    third = f"{verb}es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else f"{verb}s"
    doubled = {f"{verb}{verb[-1]}ed", f"{verb}{verb[-1]}ing"} if doubles(verb) else set()
    return {verb, third, f"{verb}ed", f"{verb}ing"} | doubled


def doubles(verb: str) -> bool:
    """Whether the last consonant may double: `stop`, `plan`, `commit`, not `cook` or `show`."""
    return len(verb) > 2 and verb[-1] not in "aeiouwxy" and verb[-2] in VOWELS and verb[-3] not in VOWELS


def is_verb(word: str) -> bool:
    """Whether the lowercase word is a form of a listed verb."""
    return word in forms()
