//! The six calls.

/// What a call says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Something happened.
    Track,
    /// Who somebody is.
    Identify,
    /// A page was shown.
    Page,
    /// A screen of an application was shown.
    Screen,
    /// What somebody belongs to.
    Group,
    /// Two ids are one person.
    Alias,
}

impl Call {
    /// Every call.
    pub const ALL: [Call; 6] =
        [Call::Track, Call::Identify, Call::Page, Call::Screen, Call::Group, Call::Alias];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Call::Track => "track",
            Call::Identify => "identify",
            Call::Page => "page",
            Call::Screen => "screen",
            Call::Group => "group",
            Call::Alias => "alias",
        }
    }

    /// Reads the word of the wire, in any case.
    pub fn from_word(word: &str) -> Option<Call> {
        Call::ALL.into_iter().find(|call| call.word().eq_ignore_ascii_case(word))
    }
}
