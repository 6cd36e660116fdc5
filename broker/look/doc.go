// Package look lets tests look at pages as people meet them: in a real browser,
// at the width of a phone, by keyboard, and with axe-core's eyes. It is part of
// no program.
//
//	browser, err := look.Open()         // one for many tests
//	tab, err := browser.Tab(320, 640)   // cookies of its own
//	err = tab.Go(address)
//	findings, err := tab.Axe()          // what axe-core objects to
//	findings, err = tab.Fits()          // what does not fit the width, or is cut off
//	findings, err = tab.Keys()          // what the keyboard does not reach
//
// A finding is a sentence that names the element; an error means that nothing
// was found out. axe-core (MPL-2.0) is not in the repository:
// broker/portal/assets.sh brings it and proves it against axe/manifest.txt.
package look
