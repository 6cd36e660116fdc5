<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("eventUserDisabledByPermanentLockoutSubject")>
<p>${msg("eventUserDisabledByPermanentLockoutLead", realmName)}</p>
<p>${msg("mailNotYou")}</p>
</@layout.emailLayout>
