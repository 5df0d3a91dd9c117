#include "tests/support/planted_facts.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

namespace longscope::testing {
namespace {

using Words = std::span<const std::string_view>;

constexpr size_t kChapters = 40; // each topic twice
constexpr size_t kParagraphsOfChapter = 10;

struct Fact {
    std::string_view fact, close, loose, distant; // close, loose, distant: see the header
};
constexpr Fact kFacts[] = {
    {"Ines Calloway tuned the carillon of Saint Brannoc every spring until her hearing failed.",
     "Who looked after the bells of Saint Brannoc?", "Who looked after the bells of Saint Brannoc?",
     "Whose work was it to keep the church bells in tune?"},
    {"The ferry Corrigan was sold for scrap after its boiler cracked off Pellan Head.",
     "What became of the ferry Corrigan?", "What happened to the boat called Corrigan in the end?",
     "Which boat ended up being broken up for its metal?"},
    {"No dog heavier than eleven kilograms may travel in the upper saloon of the funicular.",
     "What is the weight limit for dogs on the funicular?",
     "What is the weight limit for dogs on the funicular?",
     "How big may a pet be to ride on the cable railway?"},
    {"Barley was stored in the crypt that winter, because it was the only dry room left.",
     "Where was the barley kept in the winter when other rooms were wet?",
     "Where did they keep the barley when the water came?",
     "Where did they put the grain when the water came?"},
    {"Doctor Osei traced the fever to the cracked cistern behind the tannery.",
     "What did Doctor Osei find to be the source of the fever?", "What had caused the fever?",
     "What had made so many people ill?"},
    {"The winning design for the new pier came from a nineteen-year-old apprentice, Tove "
     "Lindqvist.",
     "How old was the winner of the contest to design the new pier?",
     "How old was the designer of the pier?", "Who drew the plans for the landing stage?"},
    {"Members who return a volume late are asked for a jar of honey instead of a fine.",
     "What does a member bring for returning a volume late?",
     "What must a reader give when a library book comes back late?",
     "What must a reader give when a library book is overdue?"},
    {"The comet was first noticed by the night porter, who took it for a lantern on the ridge.",
     "Who was the first to see the comet?", "Who discovered the comet?",
     "Who discovered the new star?"},
    {"Under the treaty of Vallorme the two parishes share the grazing above the tree line in "
     "alternate years.",
     "How do the two parishes divide the grazing under the treaty?",
     "How does the treaty divide the pastures?", "Who may use the mountain pastures, and when?"},
    {"The oldest map in the archive is drawn on sealskin and shows the coast upside down.",
     "What material is the oldest map in the archive made of?",
     "What material is the oldest map made of?", "On which animal's hide is the ancient chart?"},
    {"Paraffin lamps were forbidden in the theatre after the fire of 1887.",
     "Since when have paraffin lamps not been allowed in the theatre?",
     "Since when are oil lamps not allowed in the theatre?",
     "Which kind of lighting was banned on the stage, and why?"},
    {"Harriet Vane-Molloy left her entire fortune to the sanctuary for retired pit ponies.",
     "Who inherited the fortune of Harriet Vane-Molloy?",
     "Who inherited the money of Harriet Vane-Molloy?",
     "Which charity received a rich woman's whole estate?"},
    {"The third tunnel floods at spring tide, so trains wait at Garrow Junction until the gauge "
     "falls below two metres.",
     "Why do trains have to stop at Garrow Junction?",
     "Why do trains have to stop at Garrow Junction?",
     "What holds up the carriages when the sea is high?"},
    {"Saffron from the terraces at Ombrel fetches more per gram than silver.",
     "Which crop brings more money per gram than silver?", "Which crop costs more than silver?",
     "Which spice is dearer than precious metal?"},
    {"Only the youngest councillor may ring the bell that opens the session.",
     "Which councillor is allowed to open the session with the bell?",
     "Who is allowed to begin the meeting of the councillors with a bell?",
     "Who may begin the meeting?"},
    {"The password of the night watch was changed from heron to quince after the burglary.",
     "What is the new password of the night watch?",
     "What was the new password after the break-in?",
     "Which secret word did the guards use after the break-in?"},
    {"Kestrels nest in the disused chimney of the glassworks, and the owner refuses to have it "
     "pulled down.",
     "Which birds have their nest in the chimney of the glassworks?",
     "Which birds live in the old chimney?", "What kind of falcon lives in the old smokestack?"},
    {"The vaccine was kept cold on its journey with ice cut from Lake Merrow.",
     "How was the vaccine protected from the heat on its journey?",
     "How did they prevent the vaccine from getting warm?",
     "What cooled the medicine during transport?"},
    {"Old Petrosian could recite the whole tide table from memory, and won a bicycle for it.",
     "What prize did old Petrosian get for knowing the tide table?",
     "What prize did Petrosian get?",
     "What was the reward for knowing the times of high water by heart?"},
    {"At the trial the forged will was given away by its paper, which no mill had made before "
     "1902.",
     "How was the forged will recognised at the trial?",
     "How was it shown at the trial that the testament was not genuine?",
     "How was it shown that the testament was not genuine?"},
};

/// What a chapter is about: who acts in it, and on what.
struct Topic {
    std::string_view title;
    std::vector<std::string_view> who, what;
};
const std::vector<Topic> kTopics = {
    {"The Harbour",
     {"the harbour master", "a gang of dockers", "the customs clerk", "the pilots"},
     {"the old pier", "the swing crane", "the breakwater", "a row of bollards", "the fish steps",
      "the slipway", "a stack of crates", "the mooring fees", "the coal berth", "the tide gauge"}},
    {"Schools",
     {"the schoolteacher", "a class of beginners", "the inspector", "the headmistress"},
     {"the slates", "the school garden", "a shelf of atlases", "the attendance book",
      "the singing lessons", "the coat pegs", "a globe", "the stove in the classroom",
      "the summer holidays", "the spelling prize"}},
    {"The Mill",
     {"the miller", "two carters", "the millwright", "the baker's wife"},
     {"the water wheel", "a load of barley", "the grindstones", "the mill race", "the flour loft",
      "a sack hoist", "the eel trap", "the sluice", "the grain prices", "the miller's scales"}},
    {"Books and Readers",
     {"the librarian", "a reading circle", "the bookbinder", "a retired clerk"},
     {"the reading room", "a crate of novels", "the card catalogue", "the lending rules",
      "the newspaper racks", "a volume of sermons", "the rule of silence", "the book cart",
      "the dictionary", "the overdue notices"}},
    {"The Railway",
     {"the station master", "the platelayers", "a signalman", "the branch company"},
     {"three goods trains", "the winter timetable", "the lower tunnel", "the turntable",
      "the waiting room", "the water column", "a siding for timber", "the level crossing",
      "the left luggage", "the junction box"}},
    {"Orchards",
     {"the orchard keepers", "a pruning gang", "the cider maker", "the beekeeper"},
     {"the pear trees", "the honey harvest", "a ladder", "the cider press", "the grafting knives",
      "the hedges", "the apple store", "a plague of wasps", "the terraces", "the picking baskets"}},
    {"Health",
     {"the doctor", "the district nurse", "a young surgeon", "the apothecary"},
     {"the fever ward", "the hospital wing", "a chest of bandages", "the vaccination lists",
      "the bath house", "the ambulance cart", "the diet sheets", "a leaflet on cough", "the drains",
      "the visiting hours"}},
    {"The Theatre",
     {"the theatre company", "the prompter", "a travelling tenor", "the scene painter"},
     {"the curtain", "the gallery seats", "a trunk of costumes", "the footlights", "the trap door",
      "the programme", "the dressing rooms", "a painted forest", "the lamps on the stairs",
      "the Christmas play"}},
    {"The Market",
     {"a committee of shopkeepers", "the cheesemonger", "a pedlar", "the weights inspector"},
     {"the market hall", "the egg stalls", "a set of weights", "the silver brooches", "the awnings",
      "the price of butter", "a basket of gloves", "the pottery tables", "the fountain",
      "the stall rents"}},
    {"Water",
     {"the water board", "a well digger", "the pump keeper", "the plumber"},
     {"the cistern", "the reservoir", "a leaking main", "the pump house", "the flood marks",
      "the meter readings", "the filter beds", "a bucket chain", "the rain barrels",
      "the spring above the town"}},
    {"The Council",
     {"the council", "the young mayor", "the town clerk", "an angry councillor"},
     {"the minutes", "the bell in the chamber", "a petition", "the budget", "the oak benches",
      "the seal", "the rates", "the order of speakers", "the by-laws", "the session of March"}},
    {"Ships",
     {"the ferrymen", "a shipwright", "the captain's widow", "the sailmaker"},
     {"the night ferry", "a schooner", "the boiler house", "the lifeboat", "the ship's cat",
      "the anchor chain", "a cargo of salt", "the steam winch", "the rigging", "the crew lists"}},
    {"Weather",
     {"the observatory", "a storm watcher", "the rain recorder", "the telegraph boy"},
     {"the weather records", "the barometer", "a second-hand telescope", "the fog horn",
      "the wind vane", "a night of hail", "the frost reports", "the star charts",
      "the thermometer screen", "the storm cone"}},
    {"Fires",
     {"the fire brigade", "the insurer", "a chimney sweep", "the roofer"},
     {"the hand pump", "a thatched barn", "the hose cart", "the alarm", "the burnt stables",
      "the ladders", "the chimney of the bakery", "the sand buckets", "the brigade's horses",
      "the fire watch"}},
    {"The Two Valleys",
     {"the shepherds", "the upper parish", "a drover", "the land agent"},
     {"the grazing", "the drystone walls", "a herd of ponies", "the parish boundary",
      "the lambing huts", "the high pass", "the hay meadows", "a treaty about firewood",
      "the wolf pits", "the milk road"}},
    {"Work and Wages",
     {"the tannery", "the glassworks", "a foreman", "the apprentices"},
     {"the piece rates", "the furnace", "a strike fund", "the night shift", "the pattern books",
      "the canteen", "the sick club", "a delivery of hides", "the time clock", "the tool sheds"}},
    {"Festivals",
     {"the brass band", "the carnival committee", "a fiddler", "the flower sellers"},
     {"the lanterns", "the procession", "a greasy pole", "the silver trophy", "the dance floor",
      "the boat race", "the brass instruments", "the gingerbread", "a choir of children",
      "the fireworks"}},
    {"Animals",
     {"the vet", "the dog catcher", "a pigeon fancier", "the donkey driver"},
     {"the dog kennels", "the dovecote", "a stray goat", "the horse trough", "the swans",
      "the licence for dogs", "the cattle scales", "an owl in the bell tower", "the bird ringing",
      "the ponies on the beach"}},
    {"Old Papers",
     {"the archivist", "a notary", "the museum keeper", "a family historian"},
     {"the parish register", "a map of the coast", "the wills", "the deeds of the manor",
      "a bundle of letters", "the paper samples", "the glass negatives", "the strong room",
      "a forged signature", "the index of names"}},
    {"The Night Watch",
     {"the night watch", "the gatekeeper", "a sleepless neighbour", "the constable"},
     {"the watch house", "the list of keys", "a broken shutter", "the lantern rounds", "the cells",
      "a burglary at the grocer's", "the whistle code", "the gate of the quay",
      "the complaints book", "the reward"}},
};

constexpr std::string_view kDid[] = {
    "repaired",     "measured", "painted",  "sold",         "bought",   "described", "moved",
    "inspected",    "praised",  "rebuilt",  "rented",       "defended", "surveyed",  "cleaned",
    "argued about", "refused",  "borrowed", "photographed", "insured",  "fenced in"};
constexpr std::string_view kWhen[] = {"in the spring",
                                      "before the first frost",
                                      "after a long debate",
                                      "in the dry summer",
                                      "within a week",
                                      "that winter",
                                      "on market days",
                                      "at low tide",
                                      "during the festival",
                                      "two years later",
                                      "without much noise",
                                      "late in the evening",
                                      "when the roads were closed",
                                      "on the first Monday of the month"};
constexpr std::string_view kWhy[] = {"because the money had to be spent",
                                     "although nobody had asked for it",
                                     "so that the insurance would stay cheap",
                                     "since the timber was rotten",
                                     "to please the visitors",
                                     "because the water kept rising",
                                     "as the old rules demanded",
                                     "to keep the young people in town",
                                     "because a neighbour had complained",
                                     "though the price of coal had doubled"};
constexpr std::string_view kResult[] = {
    "The work was paid for by subscription",   "Opinions about it differ to this day",
    "A photograph of it hangs in the station", "The bill was never quite settled",
    "Most people remember it kindly",          "It took twice as long as promised",
    "The newspaper gave it four lines",        "A small plaque recalls the day",
    "Children were let off school to watch",   "The rain spoiled the opening"};
/// The same numbers on every machine (a linear congruential generator, Knuth's constants).
class Dice {
  public:
    explicit Dice(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15 + 1) {}
    size_t roll(size_t sides) {
        state_ = state_ * 6364136223846793005 + 1442695040888963407;
        return static_cast<size_t>((state_ >> 33) % sides);
    }
    std::string pick(Words words) { return std::string(words[roll(words.size())]); }

  private:
    uint64_t state_;
};

std::string capital(std::string text) {
    text[0] = static_cast<char>(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 32 : text[0]);
    return text;
}

std::string madeUpSentence(Dice &dice, const Topic &topic) {
    std::string who = dice.pick(topic.who), did = dice.pick(kDid), what = dice.pick(topic.what);
    std::string year = std::to_string(1820 + dice.roll(140));
    std::string count = std::to_string(2 + dice.roll(95));
    switch (dice.roll(9)) {
    case 0:
        return capital(who) + " " + did + " " + what + " " + dice.pick(kWhen) + ".";
    case 1:
        return capital(dice.pick(kWhen)) + ", " + who + " " + did + " " + what + ", " +
               dice.pick(kWhy) + ".";
    case 2:
        return "In " + year + " " + who + " " + did + " " + what + ", and " + dice.pick(topic.who) +
               " " + dice.pick(kDid) + " " + dice.pick(topic.what) + ".";
    case 3:
        return dice.pick(kResult) + ".";
    case 4:
        return "It is said that " + who + " once " + did + " " + what + " " + dice.pick(kWhy) + ".";
    case 5:
        return "The accounts of " + year + " name " + count + " people who worked for " + who +
               ", more than in any year before.";
    case 6:
        return capital(what) + " cost " + count + " crowns, which " + who + " thought too much.";
    case 7:
        return "Where " + what + " stands today, " + who + " had " + count +
               " steps cut into the rock " + dice.pick(kWhen) + ".";
    default:
        return capital(who) + " never " + did + " " + what + ", " + dice.pick(kWhy) + ".";
    }
}

std::string madeUpParagraph(Dice &dice, const Topic &topic, const std::string &fact) {
    size_t sentences = 4 + dice.roll(4), place = 1 + dice.roll(sentences - 1);
    std::string text;
    for (size_t i = 0; i < sentences; ++i) {
        text += (i ? " " : "") + madeUpSentence(dice, topic);
        if (i + 1 == place && !fact.empty())
            text += " " + fact;
    }
    return text + "\n\n";
}

} // namespace

PlantedDocument makePlantedDocument(const std::string &folder, unsigned seed) {
    Dice dice(seed);
    PlantedDocument planted;
    for (const Fact &fact : kFacts)
        planted.facts.push_back(
            {std::string(fact.fact),
             {std::string(fact.close), std::string(fact.loose), std::string(fact.distant)}});
    for (size_t i = planted.facts.size(); i > 1; --i)
        std::swap(planted.facts[i - 1], planted.facts[dice.roll(i)]);
    std::vector<std::string> others;
    for (const char *name : {"/harbour.md", "/text.txt", "/bees.txt"})
        others.push_back(document::importFile(folder + name).text);
    std::string text = "# A Chronicle of the Coast\n\n";
    for (size_t chapter = 0; chapter < kChapters; ++chapter) {
        const Topic &topic = kTopics[chapter % kTopics.size()];
        text += "## " + std::string(topic.title) + (chapter < kTopics.size() ? "" : ", continued") +
                "\n\n";
        size_t with_fact = chapter % 2 == 0 ? dice.roll(kParagraphsOfChapter) : SIZE_MAX;
        for (size_t i = 0; i < kParagraphsOfChapter; ++i)
            text +=
                madeUpParagraph(dice, topic, i == with_fact ? planted.facts[chapter / 2].fact : "");
        if (chapter % 13 == 7)
            text += others[chapter / 13] + "\n\n";
    }
    planted.document = document::importText(text, "chronicle.md", true);
    for (PlantedFact &fact : planted.facts) {
        fact.start = planted.document.text.find(fact.fact);
        fact.end = fact.start + fact.fact.size();
    }
    return planted;
}

std::vector<std::string> unanswerableQuestions() {
    return {"Who invented the submarine cable to Iceland?",
            "How many elephants did the circus bring?",
            "What was the name of the astronaut's sister?",
            "Which vegetable is forbidden on the menu of the canteen?",
            "When did the football club win the championship?"};
}

} // namespace longscope::testing
