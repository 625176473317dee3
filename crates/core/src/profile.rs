//! Profiles: the rules of a session as other products have them, as far as they are rules of ours.
use crate::{rules::Rules, time::Millis};

/// A named set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// The rules as they are without a setting.
    Default,
    /// Google Analytics 4: thirty minutes, however long in all.
    Ga4,
    /// Universal Analytics: thirty minutes, midnight, and each arrival from elsewhere.
    UniversalAnalytics,
    /// Matomo: thirty minutes, midnight, and each campaign.
    Matomo,
    /// Genesys Cloud Journey: twenty minutes on the web.
    Genesys,
    /// Plausible: thirty minutes.
    Plausible,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 6] = [
        Profile::Default,
        Profile::Ga4,
        Profile::UniversalAnalytics,
        Profile::Matomo,
        Profile::Genesys,
        Profile::Plausible,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Default => "default",
            Profile::Ga4 => "ga4",
            Profile::UniversalAnalytics => "universal-analytics",
            Profile::Matomo => "matomo",
            Profile::Genesys => "genesys",
            Profile::Plausible => "plausible",
        }
    }

    /// The profile of a name.
    pub fn of_name(name: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// `rules` with the boundaries of the profile. What no other product says anything about, such as
    /// calls and the life of a session after its end, stays as it is.
    pub fn over(self, rules: &Rules) -> Rules {
        let mut rules = rules.clone();
        let boundary = &mut rules.boundary;
        let plain = Rules::default();
        if self == Profile::Default {
            *boundary = plain.boundary;
            rules.engagement = plain.engagement;
            return rules;
        }
        let gap = Millis::from_mins(if self == Profile::Genesys { 20 } else { 30 });
        boundary.web_gap_ms = gap;
        if self != Profile::Genesys {
            boundary.app_gap_ms = gap;
        }
        // None of them ends a visit for its age.
        boundary.max_age_ms = Millis(0);
        let splits = matches!(self, Profile::UniversalAnalytics | Profile::Matomo);
        boundary.split_midnight = splits;
        boundary.split_campaign = splits;
        boundary.split_referrer = self == Profile::UniversalAnalytics;
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_differ() {
        for profile in Profile::ALL {
            assert_eq!(Profile::of_name(profile.name()), Some(profile));
        }
        assert_eq!(Profile::of_name("Matomo"), None);
    }

    #[test]
    fn a_profile_says_the_same_over_any_rules() {
        let mut odd = Rules::default();
        odd.boundary.split_referrer = true;
        odd.boundary.web_gap_ms = Millis(7);
        for profile in Profile::ALL {
            let (over_odd, over_plain) = (profile.over(&odd), profile.over(&Rules::default()));
            assert_eq!(over_odd.boundary, over_plain.boundary, "{}", profile.name());
        }
    }
}
