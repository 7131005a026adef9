"""The experimenter: what another trial would tell, which trials come next, and when a study has its answer."""
