"""Programs that compute for ever."""

#: a function of Python's: most of a processor; less where others want it, too
BURN = """
import time
def burn(on=0.3, off=0.1):
    while True:
        began = time.process_time()
        while time.process_time() - began < on: pass
        time.sleep(off)
"""
#: a program of it
LOOP = BURN + "burn()\n"
#: in the Hub's words
USES = r"uses \d\.\d CPUs"
