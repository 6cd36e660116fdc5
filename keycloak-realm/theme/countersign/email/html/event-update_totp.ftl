<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("eventUpdateTotpSubject")>
<p>${msg("eventUpdateTotpLead", realmName)}</p>
<p>${msg("mailNotYou")}</p>
</@layout.emailLayout>
