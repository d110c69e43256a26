"""The security gates: bandit, pip-audit, Trivy and zizmor answer one question: may it go out?"""
