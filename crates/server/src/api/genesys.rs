//! The routes of Genesys Cloud Journey.
use super::App;
use crate::routes::Routes;

mod definitions;

pub(super) fn add(routes: Routes<App>) -> Routes<App> {
    definitions::add(routes)
}
