"""The rehearsal: a complete release of mgit on one machine, with stand-ins for the outside world.

What is rehearsed is the release itself: the same commands, the same steps, the same workflow
file, with other endpoints. The rehearsal adds faults, planted flaws and a broken second version,
and looks from outside whether the pipeline does what it promises.
"""
