"""The security gates: scanners and linters answer one question: may it go out?"""
