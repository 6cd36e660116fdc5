<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("eventRemoveCredentialSubject")>
<p>${msg("eventRemoveCredentialLead", realmName)}</p>
<p>${msg("mailNotYou")}</p>
</@layout.emailLayout>
