<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("eventRemoveTotpSubject")>
<p>${msg("eventRemoveTotpLead", realmName)}</p>
<p>${msg("mailNotYou")}</p>
</@layout.emailLayout>
