<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("eventUpdateCredentialSubject")>
<p>${msg("eventUpdateCredentialLead", realmName)}</p>
<p>${msg("mailNotYou")}</p>
</@layout.emailLayout>
