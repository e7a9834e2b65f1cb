"""All machines of one hub in one region. It knows no Hub."""
