//! The MetaTrader 5 Web API simulator.
