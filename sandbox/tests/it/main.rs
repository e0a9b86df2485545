//! The sandbox against real components: good ones, hostile ones, and files that are none.
mod cache;
mod calls;
mod concurrency;
mod limits;
mod load;
mod support;
