<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("eventUserDisabledByTemporaryLockoutSubject")>
<p>${msg("eventUserDisabledByTemporaryLockoutLead", realmName)}</p>
<p>${msg("mailNotYou")}</p>
</@layout.emailLayout>
