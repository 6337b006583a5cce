"""The report page: what an evaluation found, for somebody who decides whether to deploy, as one file."""
