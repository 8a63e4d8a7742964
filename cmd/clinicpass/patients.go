package main

import "slices"

// checkPatients looks for ways by which a patient could be signed in as a provider of the same account.
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
		k.add(patients.section(), "provider.code", patients.name, "shared-code", "a patient and a provider (%s) with one id would have one code, and VSee knows people by it; write provider.code: patient-{id}", providers.name)
	}
	for _, auth := range patients.auth {
		if slices.Contains(providers.auth, auth) && len(providers.config.Identity.AllowedGroups) == 0 {
			k.add(providers.section(), "identity.allowedGroups", providers.name, "shared-auth", "whom %s lets in as a patient (%s) it lets in here as a provider; set identity.allowedGroups, or give patients an auth middleware of their own", auth, patients.name)
			return
		}
	}
}
