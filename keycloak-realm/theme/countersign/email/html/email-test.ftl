<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("emailTestSubject")>
<p>${msg("emailTestLead", realmName)}</p>
</@layout.emailLayout>
