//! Columns of what a record tells beside the fields of the dictionary.
//!
//! A column is named by its place in the record, with `_` between the steps of the path.
use super::cell::Kind::{self, Flag, Hash, Instant, Number, Text, Texts};

/// A column: dotted path in the record, what its cells are, and what they mean.
pub(crate) type Own = (&'static str, Kind, &'static str);

/// Of every record, a redirect's as well.
pub(super) const ALWAYS: [Own; 2] = [
    ("id", Text, "The session. All its rows lie in the folder of the day that its id holds."),
    (
        "revision",
        Number,
        "Which cut of the record: of the rows of one id that with the highest holds.",
    ),
];

/// Cells of one value, in their order.
#[rustfmt::skip]
pub(super) const OWN: [Own; 58] = [
    ("status", Text, "final, amended, or merged for a redirect; beside the files open and settling, too."),
    ("merged_into", Text, "The session that a redirect leads to."),
    ("merged_ids", Texts, "Redirects that lead here."),
    ("version", Number, "Folded changes."),
    ("source", Text, "Which integration it came by."),
    ("external_id", Text, "The sender's own id of it."),
    ("alias", Number, "Its integer id, for formats that want one."),
    ("type", Text, "What kind of session it was."),
    ("channel", Text, "Where it took place."),
    ("started_at", Instant, "When it began."),
    ("ended_at", Instant, "When it ended."),
    ("duration_ms", Number, "From start to end, ms."),
    ("engaged_ms", Number, "In the foreground, ms."),
    ("engaged", Flag, "More than one view, or long enough in the foreground."),
    ("single_view", Flag, "One page or screen and no more."),
    ("event_count", Number, "Facts."),
    ("pageview_count", Number, "Pages."),
    ("screenview_count", Number, "Screens."),
    ("message_count", Number, "Messages in both directions."),
    ("note_count", Number, "Notes: receipts, scores, exposures."),
    ("orphan_count", Number, "Signals that name what there is not."),
    ("claim_count", Number, "Claims of an outcome."),
    ("disposition.code", Number, "The outcome that holds."),
    ("disposition.name", Text, "Its name."),
    ("disposition.class", Text, "failure, abandon, conversion, service, junk, custom or unmapped."),
    ("disposition.author", Text, "Who says so; rule:<id> for a derived one."),
    ("disposition.derived", Flag, "Whether nobody posted one."),
    ("disposition.reason", Text, "Why, in one sentence."),
    ("disposition.evidence", Texts, "The signals it rests on, by their keys."),
    ("disposition.at", Instant, "When it was stated; the end for a derived one."),
    ("disposition.agent", Text, "The agent of the claim that holds."),
    ("ended_how", Text, "completed, failed, abandoned, timeout, transferred_out or unknown."),
    ("achieved", Texts, "What came of it for the business; several are possible."),
    ("answered_by", Text, "human, virtual, machine, nobody or unknown."),
    ("do_not_contact", Flag, "Asked not to be contacted."),
    ("attribution.source", Text, "Where it came from: the first arrival that is not direct."),
    ("attribution.medium", Text, "By which medium."),
    ("attribution.campaign_id", Text, "By which campaign."),
    ("attribution.campaign_name", Text, "The campaign's name."),
    ("attribution.content", Text, "Which content of the campaign."),
    ("attribution.term", Text, "For which term."),
    ("attribution.click_id", Text, "The click's own id."),
    ("wait_ms", Number, "Waiting, over all legs, ms."),
    ("hold_ms", Number, "On hold, over all legs, ms."),
    ("handle_ms", Number, "With an agent, over all legs, ms."),
    ("split_cause", Text, "Why it begins where it begins."),
    ("end_rule", Text, "By which rule it was declared ended."),
    ("opened_at", Instant, "When the signal that opened it came."),
    ("last_received_at", Instant, "When its last fact came."),
    ("closed_at", Instant, "When it was declared ended."),
    ("final_at", Instant, "When revision 1 was cut."),
    ("revised_at", Instant, "When this revision was cut."),
    ("warnings", Texts, "Repairs and oddities, by code."),
    ("bot_class", Text, "What kind of machine made it; null: none is known to have."),
    ("technical.browser.family", Text, "Browser."),
    ("technical.device.category", Text, "desktop, mobile, tablet or other."),
    ("technical.device.os_family", Text, "Operating system."),
    ("technical.geolocation.country", Text, "ISO 3166 code of the country of its address."),
];

/// A column whose cells are lists of objects.
pub(crate) struct List {
    /// Path in the record.
    pub(crate) record: &'static str,
    pub(crate) about: &'static str,
    /// The members of one object.
    pub(crate) members: &'static [Own],
}

/// The member of an identity that stands for its value: a keyed hash of it, never the value.
pub(super) const HASH: &str = "hash";

/// Cells of lists.
#[rustfmt::skip]
pub(crate) const LISTS: [List; 4] = [
    List { record: "touches", about: "Arrivals, in their order.", members: &[
        ("at", Instant, "When."),
        ("rule", Text, "How the source was found: stated, referrer or direct."),
        ("source", Text, "Where from."),
        ("medium", Text, "By which medium."),
        ("campaign_id", Text, "By which campaign."),
        ("campaign_name", Text, "Its name."),
        ("content", Text, "Which content of it."),
        ("term", Text, "For which term."),
        ("click_id", Text, "The click's own id."),
    ] },
    List { record: "legs", about: "The parts of a contact with one server each.", members: &[
        ("kind", Text, "menu, queue, virtual_agent or agent."),
        ("started_at", Instant, "When it began."),
        ("answered_at", Instant, "When somebody answered."),
        ("ended_at", Instant, "When it ended."),
        ("queue", Text, "In which queue."),
        ("agent", Text, "Who answered."),
        ("answered_by", Text, "human, virtual or machine."),
        ("wait_ms", Number, "In the queue, or ringing, ms."),
        ("hold_ms", Number, "On hold, ms."),
        ("talk_ms", Number, "Talking, ms."),
        ("handle_ms", Number, "Talking and holding, ms."),
        ("after_work_ms", Number, "Work after it, ms."),
        ("before_work_ms", Number, "Work before it, ms."),
        ("met_service_level", Flag, "Whether the wait met the service level."),
    ] },
    List { record: "orders", about: "Orders placed in it.", members: &[
        ("order_id", Text, "The sender's id."),
        ("total", Kind::Decimal, "As the sender says."),
        ("currency", Text, "ISO 4217."),
        ("at", Instant, "When it was placed."),
        ("refunded", Kind::Decimal, "What was given back since."),
    ] },
    List { record: "identities", about: "Who was seen, by keyed hashes.", members: &[
        ("type", Text, "user_id, email, anonymous_id and so on."),
        (HASH, Hash, "The same person has the same hash in one data directory."),
    ] },
];
