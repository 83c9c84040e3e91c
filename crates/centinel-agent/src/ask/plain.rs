//! Words that are no name: what English questions are made of beside the words that say what is asked.
//!
//! A word that is neither here nor among the words of a topic, a part or a time is taken for a name where a
//! name would stand. The list is therefore long: a word that is missing costs a person an answer, never a
//! wrong one.

/// Words of questions, by what they do in one.
const PLAIN: [&str; 9] = [
    // Articles, pronouns and what stands for them.
    "a an the this that these those it its they them their there he she i me my mine we us our ours you your \
     yours who whom whose which what when where how anybody anyone anything everybody everyone everything \
     nobody none nothing somebody someone something one ones other others another same such own self itself",
    // Helping verbs.
    "is are was were be been being am do does did done doing has have had having can could may might must shall \
     should would will won wouldn couldn shouldn isn aren wasn weren don doesn didn hasn haven hadn can cannot \
     ain let lets ll re ve s t d m",
    // Prepositions and joints.
    "about above after against along among around as at because before behind below beneath beside besides \
     between beyond but by despite down during each either else except for from if in inside instead into like \
     near neither nor not of off on only onto or out outside over past per plus since so than then though \
     through throughout till to toward towards under unless until unto up upon via versus vs while with within \
     without yet and also both e.g i.e eg ie etc",
    // Verbs of asking and of what money does.
    "add answer ask asked attribute attributed become became begin began belong belongs break breaks broke broken \
     brought bring bought buy buys call called came charge charged check come comes compare compared comparing \
     consume consumed consumes contribute contributed count counted create created do drive driving end ended \
     find found get gets getting give given go goes going gone got handle happen happened happening happens help \
     keep know known last left list look looked looking looks lost made make makes mean means measure moved move \
     need needs pick please produce put ran read rank report run running runs said say says see seen seem seems \
     send sent show shown sort split start started starting state stay stop stopped sum summarise summarize take \
     taken takes talk tell think took total totals totalled track try turn turned understand use used uses using \
     view want wanted went work works worked wonder worth wrong",
    // How much, how many, how far.
    "all almost altogether amount amounts any approximately average big bigger biggest bit combined couple dozen \
     enough entire entirely even exact exactly extra far few fewer first fully great greatest half hardly high \
     highest huge hundred just large larger largest least less little long lot lots low lowest main mainly major \
     many mean median million billion minimum maximum more mostly much nearly no number numbers odds often once \
     overall part parts partly percent percentage pct piece quite rather ratio roughly second several share shares \
     significant significantly single small smaller smallest some still thousand third three top tiny too total \
     twice two unit units very whole zero double doubled doubles doubling triple tripled triples halve halved halves \
     five ten six four",
    // What kind of thing, and how it stands.
    "able accurate actual actually already always bad best better certain cheap cheaper cheapest clear common \
     correct current currently dear dearer dearest different due early easy efficient else especially exactly \
     expensive fair fast fine full general generally good hard important in-depth interesting just later latest \
     likely likelihood likeliest main maybe more most necessary never new newest next nice normal normally now often okay ok old \
     older oldest ours particular per possible previous probable probability probably quick quickly ready real really \
     reasonable recent recently regular right same simple slow so-called soon special specific specifically still \
     sudden suddenly sure true typical unlikely usual usually well whole worse worst worth wrong yet chance chances scenario",
    // Nouns of questions about money.
    "account accounts ai ml llm llms api apis answer area areas breakdown business case category categories cause chart \
     cfo ceo cto cloud company companies consumption department departments detail details difference differences \
     driver effect engineering example examples expense expenses expenditure fact facts figure figures finance financial finops focus graph \
     group groups hello hi hey home info information infrastructure insight insights item items kind kinds kubernetes k8s level levels line \
     lines live money name named names org organisation organization output outputs overview owner people percent \
     period periods person place places plan point points price prices pricing problem problems product products \
     question questions rate rates reason reasons report request requests result results review role saas sense side sort \
     split stuff sum summary system systems table target targets task tasks thing things tag tags label labels thanks thank trend trends type types \
     usd eur gbp chf dollar dollars euro euros cent cents user users value values way ways word words workload workloads centinel",
    // Times, where no calendar reads them.
    "time times today tomorrow tonight yesterday day days daily week weeks weekly weekend weekends weekday weekdays month months \
     monthly quarter quarters quarterly year years yearly annual annually hour hours hourly minute minutes morning afternoon \
     evening night holiday holidays date dates ago later earlier prior recently ytd mtd qtd wtd eom eoy utc fy \
     january february march april may june july august september october november december \
     jan feb mar apr jun jul aug sep sept oct nov dec \
     monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun",
    // Words of scenarios.
    "if suppose supposing assume assuming traffic volume load switch switched switching migrate migrated migrating \
     replace replaced replacing swap swapped swapping grow grows shrink shrinks cut cuts reduce reduced reduces pass passed passes passing hit hits \
     reach reached reaches stay remain end-of-month end-of-year run-rate year-end month-end over-run",
];

/// Whether a word, in lower case, is one of plain English.
pub(super) fn is_plain(word: &str) -> bool {
    PLAIN.iter().any(|list| list.split_whitespace().any(|known| known == word))
}
