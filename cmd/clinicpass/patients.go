package main

import "slices"

// checkPatients finds configurations that could sign a patient in as a provider of the same account.
func (k *checker) checkPatients() {
	for _, name := range sorted(k.ours) {
		patients := k.ours[name]
		if patients.config.Provider.Type != "patient" {
			continue
		}
		for _, other := range sorted(k.ours) {
			providers := k.ours[other]
			if providers.config.Provider.Type == "patient" || providers.config.API.AccountCode != patients.config.API.AccountCode {
				continue
			}
			k.checkApart(patients, providers)
		}
	}
}

func (k *checker) checkApart(patients, providers *clinic) {
	if patients.config.Provider.Code == providers.config.Provider.Code {
		k.add(patients.section(), "provider.code", patients.name, "shared-code", "A patient and a provider (%s) with the same user ID get the same code, by which VSee identifies people. Set provider.code: patient-{id}.", providers.name)
	}
	for _, auth := range patients.auth {
		if slices.Contains(providers.auth, auth) && len(providers.config.Identity.AllowedGroups) == 0 {
			k.add(providers.section(), "identity.allowedGroups", providers.name, "shared-auth", "%s lets patients in (%s), and they can sign in here as providers. Set identity.allowedGroups, or use a separate auth middleware for patients.", auth, patients.name)
			return
		}
	}
}
