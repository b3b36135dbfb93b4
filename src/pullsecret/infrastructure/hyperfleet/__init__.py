"""The HyperFleet API over HTTP, in the design document's dialect and in today's."""
