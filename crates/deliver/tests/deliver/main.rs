//! Deliveries to real servers, and to a receiver that does what receivers do on bad days.
mod sample;
mod webhook;
mod guard;
mod object_file;
mod email;
mod crm;
mod tropo;
